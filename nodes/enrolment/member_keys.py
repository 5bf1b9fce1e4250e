"""A member's own signing and sealing keys, and how its department certifies them.

The department key need not be on the member's machine: `key_request` is a file for the custodian, who turns it into
a certificate with `certify_request` on their own machine; `accept_certified` stores it only if it is for exactly
this member and these keys.
"""

import base64
import json

from keys.certificates.spiffe import SpiffeId
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, KeyCertificate, certify, open_certified
from keys.sealing import SealingKey
from keys.signing import SigningKey, VerifyKey
from nodes.enrolment.errors import BadInput, HomeInvalid
from nodes.enrolment.home import Home

REQUEST_FORMAT = "oncegate.key-request/1"
DAY_MS = 86_400_000
BACKDATE_MS = 300_000
"""How far a key certificate reaches back, so that a slightly slow clock elsewhere accepts it at once."""
LONGEST_DAYS = 1100


def make_member_keys(home: Home) -> None:
    """Makes the member's signing and sealing keys unless it has them.

    Args:
        home: A home that was laid out.
    """
    if not home.has_keys:
        home.write_keys(SigningKey.generate(), SealingKey.generate())


def key_request(home: Home) -> bytes:
    """The file that the department's custodian certifies. It holds public keys only.

    Args:
        home: A home with keys.

    Returns:
        JSON: format, holder, signing_key and sealing_key in base64.
    """
    body = {
        "format": REQUEST_FORMAT,
        "holder": str(home.spiffe()),
        "signing_key": base64.b64encode(home.signing_key().verify_key.der).decode("ascii"),
        "sealing_key": base64.b64encode(home.sealing_key().public).decode("ascii"),
    }
    return json.dumps(body, indent=2).encode() + b"\n"


def certify_request(department_key: SigningKey, request: bytes, *, now_ms: int, days: int = 365) -> CertifiedKeys:
    """Certifies the keys in a key request.

    Args:
        department_key: The department's key.
        request: The file that `key_request` made.
        now_ms: The time.
        days: Validity in days, 1 to 1100.

    Returns:
        The certificate, valid from five minutes ago.

    Raises:
        BadInput: The file has another form, or the validity is out of range.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput("days", f"1 to {LONGEST_DAYS}")
    try:
        body = json.loads(request)
        if body["format"] != REQUEST_FORMAT:
            raise BadInput("request.format", f"must be {REQUEST_FORMAT}")
        holder = SpiffeId.parse(body["holder"])
        signing_key = VerifyKey.from_der(base64.b64decode(body["signing_key"], validate=True)).der
        sealing_key = base64.b64decode(body["sealing_key"], validate=True)
    except (ValueError, TypeError, KeyError, AttributeError, KeysError) as error:
        raise BadInput("request", f"must be a file of format {REQUEST_FORMAT}") from error
    return _certify(department_key, holder, signing_key, sealing_key, now_ms, days)


def certify_home(department_key: SigningKey, home: Home, *, now_ms: int, days: int = 365) -> CertifiedKeys:
    """Certifies the keys of a home in place, where the department key is at hand.

    Args:
        department_key: The department's key.
        home: A home with keys.
        now_ms: The time.
        days: Validity in days, 1 to 1100.

    Returns:
        The certificate, stored in the home too.

    Raises:
        BadInput: The validity is out of range.
    """
    certified = certify_request(department_key, key_request(home), now_ms=now_ms, days=days)
    home.write_certified(certified)
    return certified


def accept_certified(home: Home, certified: CertifiedKeys, *, now_ms: int) -> KeyCertificate:
    """Stores a custodian's certificate. Fails closed: one for another member or other keys is not stored.

    Args:
        home: A home with keys.
        certified: What the custodian returned.
        now_ms: The time.

    Returns:
        The opened certificate.

    Raises:
        BadInput: It does not verify, is not valid now, or is for another member or other keys.
    """
    certificate = open_own(home, certified, now_ms=now_ms)
    home.write_certified(certified)
    return certificate


def open_own(home: Home, certified: CertifiedKeys, *, now_ms: int) -> KeyCertificate:
    """Opens a certificate over this member's own keys.

    Args:
        home: The member.
        certified: The certificate.
        now_ms: The time.

    Returns:
        The opened certificate.

    Raises:
        BadInput: It does not verify, is not valid now, or is for another member or other keys.
    """
    try:
        fingerprint = VerifyKey.from_der(certified.department_key).fingerprint
        certificate = open_certified(certified, accepted_fingerprint=fingerprint, now_ms=now_ms)
    except KeysError as error:
        raise BadInput("key-certificate", "does not verify or is not valid now") from error
    if certificate.holder != str(home.spiffe()):
        raise BadInput("key-certificate", "is for another member")
    if certificate.signing_key != home.signing_key().verify_key.der:
        raise BadInput("key-certificate", "is for another signing key")
    if certificate.sealing_key != home.sealing_key().public:
        raise BadInput("key-certificate", "is for another sealing key")
    return certificate


def _certify(
    department_key: SigningKey, holder: SpiffeId, signing_key: bytes, sealing_key: bytes, now_ms: int, days: int
) -> CertifiedKeys:
    if holder.kind == "gateway":
        raise BadInput("request.holder", "must be a node or a system of a department")
    certificate = KeyCertificate(
        holder=str(holder),
        department=holder.department,
        signing_key=signing_key,
        sealing_key=sealing_key,
        not_before_ms=now_ms - BACKDATE_MS,
        not_after_ms=now_ms + days * DAY_MS,
    )
    try:
        return certify(department_key, certificate)
    except KeysError as error:
        raise HomeInvalid("key-certificate", "these keys cannot be certified") from error
