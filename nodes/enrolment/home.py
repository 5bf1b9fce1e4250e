"""The home of one node or system: the folder with everything it needs to talk to the gateway.

| file | what | mode |
|---|---|---|
| home.json | who this is and the gateway's two doors | 0644 |
| identity.pem | TLS private key followed by its certificate: one file, so that a renewal is one rename | 0600 |
| trust.json | the gateway's trust domain, CA certificates and public keys; the log's key and its custodians | 0644 |
| keys/signing.pem, keys/sealing.pem | the member's own keys | 0600 |
| key-certificate.json | those keys, certified by the department | 0644 |
| agreements/ | accepted agreements, `NAME.toml` with `NAME.sig` | |
| services/ | service items of the department, put there by hand (`nodes.consumer.service_files`) | |
| ledger-checkpoint | the newest checkpoint seen of the log (`nodes.watch`); of epoch 2 `ledger-checkpoint-2` | 0644 |
| ledger-epochs/, ledger-lost.json | statements of epochs that were followed, and promises lost with them | 0644 |

Rules kept here: identity.pem is written last, so a home without it is not enrolled; every read parses strictly and
fails closed. The department's key never lies in a home.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from keys.certificates.spiffe import SpiffeId
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys
from keys.sealing import SealingKey
from keys.signing import SigningKey
from nodes.enrolment.errors import HomeInvalid, MemberCode
from nodes.enrolment.private_files import PUBLIC, make_folder, read_private, read_public, write_whole

FORMAT = "oncegate.home/1"
BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The gateway's doors, each `host:port`.

    Args:
        people: Door with server TLS only: enrolment.
        systems: Door with mutual TLS: everything else.
    """

    people: str
    systems: str


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """What a TLS client needs.

    Args:
        key_pem: Private key.
        certificate_pem: Its certificate.
        ca_pem: CA certificates that a gateway's certificate must chain to.
    """

    key_pem: bytes
    certificate_pem: bytes
    ca_pem: bytes


@dataclass(frozen=True, slots=True)
class Trust:
    """What this member believes of the gateway (proto TrustBundle).

    Args:
        trust_domain: Name of the trust domain.
        ca_pem: CA certificates, newest first.
        ticket_key: DER of the key that signs tickets.
        promise_key: DER of the key that signs the ledger's promises.
        ledger_key: C2SP verifier key of the ledger's checkpoints. Pinned at enrolment: only a statement of custodians
            changes it (`nodes.watch.epochs`), a renewal does not.
        gateway: SPIFFE id of the gateway.
        custodians: Verifier keys of the log's custodians, pinned likewise; none: no statement is believed.
        custodians_needed: How many of them must sign.
        witnesses: Verifier keys of the log's witnesses, pinned by the department, never by the gateway; none: the log's
            own signature is enough.
        witnesses_needed: How many of them must have cosigned a checkpoint.
    """

    trust_domain: str
    ca_pem: bytes
    ticket_key: bytes
    promise_key: bytes
    ledger_key: str
    gateway: str
    custodians: tuple[str, ...] = ()
    custodians_needed: int = 0
    witnesses: tuple[str, ...] = ()
    witnesses_needed: int = 0

    @property
    def log_origin(self) -> str:
        """Origin of the ledger in the epoch that is followed: the scope of its promises. A log's key is named so."""
        return self.ledger_key.partition("+")[0]

    def renewed(self, newer: "Trust") -> "Trust":
        """What a renewal brought, with what it must not change: the log's key, its custodians, its witnesses.

        Args:
            newer: As received.
        """
        return replace(
            newer,
            ledger_key=self.ledger_key,
            custodians=self.custodians,
            custodians_needed=self.custodians_needed,
            witnesses=self.witnesses,
            witnesses_needed=self.witnesses_needed,
        )


class Home:
    """Reads and writes one home. Opens no socket and decides nothing.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.identity_file = path / "identity.pem"
        self.certified_file = path / "key-certificate.json"
        self.agreements = path / "agreements"
        self._about_file = path / "home.json"
        self._trust_file = path / "trust.json"
        self._keys = path / "keys"

    def create(self, spiffe: SpiffeId, addresses: Addresses) -> None:
        """Lays the folder out and writes who this is; keys and certificates come later.

        Args:
            spiffe: The member.
            addresses: The gateway's doors.
        """
        make_folder(self.path)
        make_folder(self._keys)
        make_folder(self.agreements)
        about = {
            "format": FORMAT,
            "spiffe": str(spiffe),
            "people": addresses.people,
            "systems": addresses.systems,
        }
        write_whole(self._about_file, _json(about), PUBLIC)

    @property
    def exists(self) -> bool:
        """Whether the folder has been laid out."""
        return self._about_file.is_file()

    @property
    def enrolled(self) -> bool:
        """Whether the home has a TLS identity."""
        return self.identity_file.is_file()

    @property
    def has_keys(self) -> bool:
        """Whether the member's own keys were made."""
        return (self._keys / "signing.pem").is_file() and (self._keys / "sealing.pem").is_file()

    def spiffe(self) -> SpiffeId:
        """Who this is.

        Raises:
            HomeInvalid: The home is missing or damaged.
        """
        try:
            return SpiffeId.parse(_text(self._about(), "spiffe", "home.json"))
        except KeysError as error:
            raise HomeInvalid("home.json", "spiffe is not a SPIFFE id of this format") from error

    def addresses(self) -> Addresses:
        """Where the gateway's doors are.

        Raises:
            HomeInvalid: The home is missing or damaged.
        """
        about = self._about()
        return Addresses(_text(about, "people", "home.json"), _text(about, "systems", "home.json"))

    def write_keys(self, signing: SigningKey, sealing: SealingKey) -> None:
        """Stores the member's keys.

        Args:
            signing: Signs requests or receipts.
            sealing: Opens what is sealed to this member.
        """
        write_whole(self._keys / "signing.pem", signing.to_pem())
        write_whole(self._keys / "sealing.pem", sealing.to_pem())

    def signing_key(self) -> SigningKey:
        """The key that signs requests or receipts.

        Raises:
            HomeInvalid: It is missing, readable by others or damaged.
        """
        try:
            return SigningKey.from_pem(read_private(self._keys / "signing.pem"))
        except (KeysError, ValueError, TypeError) as error:
            raise HomeInvalid("signing.pem", "is damaged") from error

    def sealing_key(self) -> SealingKey:
        """The key that opens what is sealed to this member.

        Raises:
            HomeInvalid: It is missing, readable by others or damaged.
        """
        try:
            return SealingKey.from_pem(read_private(self._keys / "sealing.pem"))
        except (KeysError, ValueError, TypeError) as error:
            raise HomeInvalid("sealing.pem", "is damaged") from error

    def write_certified(self, certified: CertifiedKeys) -> None:
        """Stores the department's certificate over the member's keys.

        Args:
            certified: The certificate.
        """
        write_whole(self.certified_file, certified_to_json(certified), PUBLIC)

    def certified(self) -> CertifiedKeys:
        """The department's certificate over the member's keys; not verified here.

        Raises:
            HomeInvalid: It is missing or damaged.
        """
        return certified_from_json(read_public(self.certified_file), self.certified_file.name)

    def write_trust(self, trust: Trust) -> None:
        """Stores what to believe of the gateway.

        Args:
            trust: As received over an authenticated channel.
        """
        body = {
            "trust_domain": trust.trust_domain,
            "ca_pem": trust.ca_pem.decode("ascii"),
            "ticket_key": _b64(trust.ticket_key),
            "promise_key": _b64(trust.promise_key),
            "ledger_key": trust.ledger_key,
            "gateway": trust.gateway,
            "custodians": list(trust.custodians),
            "custodians_needed": trust.custodians_needed,
            "witnesses": list(trust.witnesses),
            "witnesses_needed": trust.witnesses_needed,
        }
        write_whole(self._trust_file, _json(body), PUBLIC)

    def trust(self) -> Trust:
        """What to believe of the gateway.

        Raises:
            HomeInvalid: It is missing or damaged.
        """
        name = self._trust_file.name
        body = _object(read_public(self._trust_file), name)
        return Trust(
            trust_domain=_text(body, "trust_domain", name),
            ca_pem=_text(body, "ca_pem", name).encode("ascii", "replace"),
            ticket_key=_bytes(body, "ticket_key", name),
            promise_key=_bytes(body, "promise_key", name),
            ledger_key=_text(body, "ledger_key", name),
            gateway=_text(body, "gateway", name),
            custodians=_texts(body, "custodians", name),
            custodians_needed=_count(body, "custodians_needed", name),
            witnesses=_texts(body, "witnesses", name),
            witnesses_needed=_count(body, "witnesses_needed", name),
        )

    def write_identity(self, key_pem: bytes, certificate_pem: bytes) -> None:
        """Stores a TLS key and its certificate in one step: a crash leaves the old pair or the new one.

        Args:
            key_pem: The private key.
            certificate_pem: Its certificate.
        """
        write_whole(self.identity_file, key_pem.rstrip() + b"\n" + certificate_pem)

    def tls(self) -> TlsIdentity:
        """The TLS identity as it is on disk now.

        Raises:
            HomeInvalid: The home is not enrolled, or a file is damaged or readable by others.
        """
        key_pem, begin, rest = read_private(self.identity_file).partition(BEGIN_CERTIFICATE)
        if not begin:
            raise HomeInvalid(self.identity_file.name, "holds no certificate")
        return TlsIdentity(key_pem, begin + rest, self.trust().ca_pem)

    def stamp(self) -> tuple[int, int, int]:
        """A value that changes whenever a renewal, a new key certificate or other trust is written; three `stat` calls.

        Raises:
            HomeInvalid: The home is not enrolled.
        """
        try:
            return (
                self.identity_file.stat().st_mtime_ns,
                self.certified_file.stat().st_mtime_ns,
                self._trust_file.stat().st_mtime_ns,
            )
        except OSError as error:
            raise HomeInvalid("identity.pem", "the home is not enrolled", MemberCode.NOT_ENROLLED) from error

    def _about(self) -> Mapping[str, object]:
        body = _object(read_public(self._about_file), "home.json")
        if body.get("format") != FORMAT:
            raise HomeInvalid("home.json", f"format must be {FORMAT}")
        return body


def certified_to_json(certified: CertifiedKeys) -> bytes:
    """The file form of certified keys.

    Args:
        certified: The certificate.

    Returns:
        JSON with three base64 members: body, signature, department_key.
    """
    return _json(
        {
            "body": _b64(certified.body),
            "signature": _b64(certified.signature),
            "department_key": _b64(certified.department_key),
        }
    )


def certified_from_json(data: bytes, name: str = "key-certificate.json") -> CertifiedKeys:
    """Reads the file form of certified keys; verifies nothing.

    Args:
        data: The file's content.
        name: The file's name, for the error.

    Returns:
        The certificate.

    Raises:
        HomeInvalid: The file has another form.
    """
    body = _object(data, name)
    return CertifiedKeys(
        body=_bytes(body, "body", name),
        signature=_bytes(body, "signature", name),
        department_key=_bytes(body, "department_key", name),
    )


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _object(data: bytes, name: str) -> Mapping[str, object]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise HomeInvalid(name, "is not JSON") from error
    if not isinstance(value, dict):
        raise HomeInvalid(name, "is not a JSON object")
    return value


def _text(body: Mapping[str, object], key: str, name: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise HomeInvalid(name, f"{key} must be a string")
    return value


def _texts(body: Mapping[str, object], key: str, name: str) -> tuple[str, ...]:
    """A list of strings; none in a file from before there was one."""
    value = body.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise HomeInvalid(name, f"{key} must be a list of strings")
    return tuple(value)


def _count(body: Mapping[str, object], key: str, name: str) -> int:
    value = body.get(key, 0)
    if type(value) is not int or value < 0:
        raise HomeInvalid(name, f"{key} must be a number")
    return value


def _bytes(body: Mapping[str, object], key: str, name: str) -> bytes:
    try:
        return base64.b64decode(_text(body, key, name), validate=True)
    except (binascii.Error, ValueError) as error:
        raise HomeInvalid(name, f"{key} must be base64") from error
