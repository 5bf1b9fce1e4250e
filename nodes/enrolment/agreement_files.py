"""Agreements as files: `NAME.toml` with its provider's signature in `NAME.sig`.

The signature is by the provider's department key over the file's exact bytes, context AGREEMENT; the `.sig` file is
JSON with `department_key` and `signature`, both base64. Accepting an agreement is the one moment at which a steward
says, by its fingerprint, which key of the *other* department is believed; everything later follows from that.

Which way it fails: a file that does not verify, or is for other departments, is not accepted; one found damaged later
counts as absent.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keys.errors import KeysError
from keys.signing import AGREEMENT, SigningKey, VerifyKey
from nodes.enrolment.agreement_stops import Stop, stopped
from nodes.enrolment.errors import BadInput, HomeInvalid
from nodes.enrolment.private_files import PUBLIC, make_folder, read_public, write_whole
from policies.agreements import Agreement, BadAgreement, parse_agreement


@dataclass(frozen=True, slots=True)
class AgreementFile:
    """One file of an agreements folder.

    Args:
        name: File name without its ending.
        agreement: The agreement; None when it is damaged.
        problem: Why it counts as absent; empty when it verifies.
    """

    name: str
    agreement: Agreement | None
    problem: str = ""


def read_agreement(path: Path) -> Agreement:
    """Reads an agreement and says where it is wrong.

    Args:
        path: The TOML file.

    Returns:
        The agreement; its signature is not looked at.

    Raises:
        BadInput: It does not parse; line, key and rule are in the text.
        HomeInvalid: It cannot be read.
    """
    return _parse(read_public(path), path.name)


def sign_agreement(path: Path, department_key: SigningKey) -> Path:
    """Signs an agreement as its provider.

    Args:
        path: The TOML file.
        department_key: The provider's department key.

    Returns:
        The `.sig` file, written beside it.

    Raises:
        BadInput: It does not parse, or names another provider key.
    """
    agreement = read_agreement(path)
    verify_key = department_key.verify_key
    if agreement.provider_key != verify_key.fingerprint:
        raise BadInput("provider_key", "is not the fingerprint of this department key")
    signature = path.with_suffix(".sig")
    write_whole(signature, signature_file(verify_key, department_key.sign(AGREEMENT, agreement.raw)), PUBLIC)
    return signature


def signature_file(key: VerifyKey, signature: bytes) -> bytes:
    """What stands in a `.sig` file.

    Args:
        key: The provider's department key.
        signature: Its signature over the agreement's exact bytes.

    Returns:
        JSON with both in base64.
    """
    body = {
        "department_key": base64.b64encode(key.der).decode("ascii"),
        "signature": base64.b64encode(signature).decode("ascii"),
    }
    return json.dumps(body, indent=2).encode() + b"\n"


def verified_agreement(path: Path) -> Agreement:
    """Reads an agreement and verifies its provider's signature.

    Args:
        path: The TOML file; its `.sig` lies beside it.

    Returns:
        The agreement.

    Raises:
        BadInput: It does not parse, the signature is malformed, by another key, or does not verify.
        HomeInvalid: A file cannot be read.
    """
    agreement = read_agreement(path)
    sig = path.with_suffix(".sig")
    try:
        body = json.loads(read_public(sig))
        key = VerifyKey.from_der(base64.b64decode(body["department_key"], validate=True))
        signature = base64.b64decode(body["signature"], validate=True)
    except (ValueError, TypeError, KeyError, KeysError) as error:
        raise BadInput(sig.name, "must be a signature file: JSON with department_key and signature") from error
    if key.fingerprint != agreement.provider_key:
        raise BadInput(sig.name, "is by another key than the provider_key of the agreement")
    try:
        key.verify(AGREEMENT, agreement.raw, signature)
    except KeysError as error:
        raise BadInput(sig.name, "the signature does not verify") from error
    return agreement


def accept_agreement(path: Path, folder: Path, *, department: str, own_key: str, accepted: str) -> Agreement:
    """Takes an agreement into a home. Fails closed.

    Args:
        path: The TOML file; its `.sig` lies beside it.
        folder: The home's agreements folder.
        department: The home's department.
        own_key: Fingerprint of this department's own key.
        accepted: Fingerprint that the steward accepts for the other department, learned outside this system.

    Returns:
        The agreement, copied into the folder under its id.

    Raises:
        BadInput: It does not verify, is not with this department, or names another key than the accepted one.
        HomeInvalid: A file cannot be read.
    """
    agreement = verified_agreement(path)
    return _accept(
        agreement,
        read_public(path.with_suffix(".sig")),
        folder,
        department=department,
        own_key=own_key,
        accepted=accepted,
    )


def accept_signed(
    agreement: Agreement,
    signature: bytes,
    signer_key: bytes,
    folder: Path,
    *,
    department: str,
    own_key: str,
    accepted: str,
) -> Agreement:
    """Takes an agreement into a home that came with its provider's signature, not as files. Fails closed.

    Args:
        agreement: Parsed from exactly the signed bytes.
        signature: The provider's signature over them.
        signer_key: DER of the key that signed.
        folder: The home's agreements folder.
        department: The home's department.
        own_key: Fingerprint of this department's own key.
        accepted: Fingerprint that the steward accepts for the other department, learned outside this system.

    Returns:
        The agreement, kept in the folder under its id.

    Raises:
        BadInput: It does not verify, is not with this department, or names another key than the accepted one.
        HomeInvalid: A file cannot be read.
    """
    try:
        key = VerifyKey.from_der(signer_key)
        key.verify(AGREEMENT, agreement.raw, signature)
    except KeysError as error:
        raise BadInput("signature", "does not verify") from error
    if key.fingerprint != agreement.provider_key:
        raise BadInput("signature", "is by another key than the provider_key of the agreement")
    return _accept(
        agreement,
        signature_file(key, signature),
        folder,
        department=department,
        own_key=own_key,
        accepted=accepted,
    )


def _accept(
    agreement: Agreement, signature_body: bytes, folder: Path, *, department: str, own_key: str, accepted: str
) -> Agreement:
    if department not in {agreement.provider, agreement.consumer}:
        raise BadInput("agreement", "is not with this department")
    provider = agreement.provider == department
    mine, theirs = agreement.provider_key, agreement.consumer_key
    if not provider:
        mine, theirs = theirs, mine
    if mine != own_key:
        raise BadInput("agreement", "names another key for this department than its own")
    if theirs != accepted:
        raise BadInput("fingerprint", "is not the other department's key in the agreement")
    if stopped(folder, agreement.id) is Stop.TERMINATED:
        raise BadInput("agreement", "was terminated here; that is final")
    make_folder(folder)
    target = folder / f"{agreement.id}.toml"
    older = _existing(target)
    if older is not None and older.revision > agreement.revision:
        raise BadInput("revision", "a newer revision is accepted already")
    # Signature first: the old agreement with the new signature counts as absent, never as something it is not.
    write_whole(target.with_suffix(".sig"), signature_body, PUBLIC)
    write_whole(target, agreement.raw, PUBLIC)
    return agreement


def list_agreements(folder: Path) -> Iterator[AgreementFile]:
    """Every agreement in a folder, in order of name; damaged ones with their problem.

    Args:
        folder: The home's agreements folder; a missing one is empty.

    Yields:
        One value per TOML file.
    """
    for path in sorted(folder.glob("*.toml")):
        try:
            yield AgreementFile(path.stem, verified_agreement(path))
        except (BadInput, HomeInvalid) as error:
            yield AgreementFile(path.stem, None, error.detail)


def _existing(path: Path) -> Agreement | None:
    try:
        return verified_agreement(path)
    except (BadInput, HomeInvalid):
        return None


def _parse(raw: bytes, name: str) -> Agreement:
    try:
        return parse_agreement(raw)
    except BadAgreement as error:
        where = name if error.line is None else f"{name}:{error.line}"
        raise BadInput(f"{where}: {error.key}" if error.key else where, error.rule) from error
