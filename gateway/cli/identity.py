"""`oncegate audit identity`, and `oncegate audit identity-key`: opening who a pseudonym is, and the key it takes.

The private key is made and used at the audit office, on the auditor's machine, and never goes to the gateway. What is
opened is printed and written nowhere.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.key.asking import By, Yes, confirm, office
from gateway.cli.offline import open_offline
from gateway.cli.options import Address, AsJson, CaFile, Home, TokenFile
from gateway.cli.output import EXIT_REFUSED, EXIT_UNVERIFIED, EXIT_USAGE, command, emit, fail, moment, say
from keys.errors import PassphraseMissing, SealError
from keys.identities import Identity, Place, Whose, open_identity, read_public, write_public
from keys.keyring.file import read_passphrase
from keys.sealing import RecipientKey, SealingKey
from keys.secret_file import Existing, read_secret, write_secret
from oncegate.v1 import identity_pb2, identity_pb2_grpc

key_app = typer.Typer(no_args_is_help=True, help="The auditors' key to which identities are sealed. 审计密钥")
_PASSPHRASE: Final = "ONCEGATE_IDENTITY_PASSPHRASE"  # noqa: S105 - the name of a variable
_WHOSE: Final = {Whose.PERSON: identity_pb2.WHOSE_PERSON, Whose.OFFICIAL: identity_pb2.WHOSE_OFFICIAL}

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help=f"File with the key's passphrase, mode 0600; otherwise {_PASSPHRASE}, or it is asked for.",
        dir_okay=False,
    ),
]
KeyFiles = Annotated[
    list[Path],
    typer.Option("--identity-key", help="The auditors' private key; may be repeated for older ones.", dir_okay=False),
]


class WhoseName(StrEnum):
    """Whom an entry names."""

    PERSON = "person"
    OFFICIAL = "official"


@command
def identity(  # noqa: PLR0917 - typer calls it by name
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    why: Annotated[str, typer.Option("--why", help="Why; on the access log for good, and the person sees it.")],
    identity_key: KeyFiles,
    pseudonym: Annotated[str, typer.Option("--pseudonym", help="A person's random id, as entries show it.")] = "",
    official: Annotated[str, typer.Option("--official", help="An official's keyed hash, as entries show it.")] = "",
    entry: Annotated[int | None, typer.Option("--entry", min=0, help="An entry that names whom you mean.")] = None,
    whose: Annotated[
        WhoseName, typer.Option("--whose", help="With --entry: the person it is about, or the official.")
    ] = WhoseName.PERSON,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Open who a pseudonym is, with a reason, and print it. Recorded first; the person sees that you did.

    The gateway gives out what it cannot read itself; your key opens it here.
    """
    if sum((bool(pseudonym), bool(official), entry is not None)) != 1:
        fail("give one of --pseudonym, --official and --entry", EXIT_USAGE)
    keys = open_keys(identity_key, passphrase_file)
    kind = Whose.OFFICIAL if official else Whose.PERSON if pseudonym else Whose(whose)
    named = {"entry": entry} if entry is not None else {"pseudonym": pseudonym or official}
    request = identity_pb2.OpenIdentityRequest(whose=_WHOSE[kind], why=why, key_ids=list(keys), **named)
    with people_channel(gateway, ca) as channel:
        stub = identity_pb2_grpc.IdentityServiceStub(channel)
        response = stub.OpenIdentity(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    found = opened(keys, request, response)
    document = {
        "whose": str(found.whose),
        "pseudonym": response.pseudonym.hex(),
        ("scheme" if found.whose is Whose.PERSON else "issuer"): found.realm,
        ("identifier" if found.whose is Whose.PERSON else "subject"): found.name,
        "key": response.key_id.hex(),
        "sealed_entry": response.sealed_entry,
        "opened_entry": response.opened_entry,
    }

    def human() -> None:
        say(f"{found.realm}: {found.name}")
        say(f"on the log as entry {response.opened_entry} 已记入访问日志")

    emit(document, as_json=as_json, human=human)


def open_keys(files: list[Path], passphrase_file: Path | None) -> dict[bytes, SealingKey]:
    """The auditors' private keys by their fingerprint; all files have one passphrase.

    Raises:
        KeysError: A file is no such key or open to others, or the passphrase is missing or wrong.
    """
    passphrase = _passphrase(passphrase_file)
    keys = [SealingKey.from_pem(read_secret(file), passphrase) for file in files]
    return {key.key_id: key for key in keys}


def opened(
    keys: dict[bytes, SealingKey],
    request: identity_pb2.OpenIdentityRequest,
    response: identity_pb2.OpenIdentityResponse,
) -> Identity:
    """Open what the gateway gave out; it is believed only where it is bound to what was asked for.

    Raises:
        typer.Exit: It is another's, or does not open.
    """
    key = keys.get(response.key_id)
    whose = next((kind for kind, number in _WHOSE.items() if number == response.whose), None)
    asked = request.pseudonym in {"", response.pseudonym.hex()} and request.whose == response.whose
    if key is None or whose is None or not asked:
        fail("the gateway gave out something else than was asked for", EXIT_UNVERIFIED)
    try:
        return open_identity(key, Place(response.origin, whose, response.pseudonym, response.scheme), response.sealed)
    except SealError as error:
        fail(f"NOT VERIFIED 验证不成立: {error}", EXIT_UNVERIFIED)


@key_app.command("new")
@command
def new(
    private: Annotated[Path, typer.Argument(help="New file for the private key; it stays at the audit office.")],
    public: Annotated[Path, typer.Option("--public", help="New file for the public key, for the gateway's operator.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key pair at the audit office. The private key is encrypted under a passphrase."""
    if public.exists():
        fail(f"{public}: there is such a file already", EXIT_USAGE)
    key = SealingKey.generate()
    write_secret(private, key.to_pem(_passphrase(passphrase_file, twice=True)), Existing.REFUSE)
    public.write_bytes(write_public(key.recipient))
    fingerprint = key.key_id.hex()

    def human() -> None:
        say(f"fingerprint 指纹: {fingerprint}")
        say(f"hand {public} to the gateway's operator, and the fingerprint on another way")

    emit({"fingerprint": fingerprint, "private": str(private), "public": str(public)}, as_json=as_json, human=human)


@key_app.command("set")
@command
def set_key(
    home: Home,
    public: Annotated[Path, typer.Argument(help="The audit office's public key.", exists=True, dir_okay=False)],
    fingerprint: Annotated[str, typer.Option("--fingerprint", help="What the audit office says on another way.")],
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Seal identities to this key from now on; on the access log. Those sealed before open with the key before.

    For the operator, beside a running gateway or alone.
    """
    key = read_public(public.read_bytes(), fingerprint)
    _change(home, key, by, f"identities are sealed to the key {key.key_id.hex()} from now on", yes=yes, as_json=as_json)


@key_app.command("off")
@command
def off(home: Home, by: By = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Seal no more identities; on the access log. Those sealed before stay. For the operator."""
    _change(home, None, by, "no identity is sealed from now on", yes=yes, as_json=as_json)


@key_app.command("show")
@command
def show(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Show to which key identities are sealed now: compare the fingerprint with your own. For auditors; logged."""
    with people_channel(gateway, ca) as channel:
        stub = identity_pb2_grpc.IdentityServiceStub(channel)
        response = stub.GetIdentityKey(
            identity_pb2.GetIdentityKeyRequest(), metadata=bearer_metadata(token_file), timeout=DEADLINE_S
        )
    document = {
        "fingerprint": response.key_id.hex(),
        "since_unix_ms": response.since_unix_ms,
        "entry": response.entry if response.key_id else None,
    }

    def human() -> None:
        if not response.key_id:
            say("identities are not sealed 未启用身份封存")
            return
        say(f"fingerprint 指纹: {response.key_id.hex()}")
        say(f"since 自 {moment(response.since_unix_ms)}, entry 日志号 {response.entry}")

    emit(document, as_json=as_json, human=human)


def _change(home: Path, key: RecipientKey | None, by: str, plan: str, *, yes: bool, as_json: bool) -> None:
    from gateway.bootstrap.identities import set_auditors_key  # noqa: PLC0415 - see gateway.cli.offline

    confirm(plan, yes=yes)
    with open_offline(home) as offline:
        recorded = set_auditors_key(offline, key, office(by))
    document: dict[str, Any] = {"fingerprint": "" if key is None else key.key_id.hex(), "entry": recorded.leaf_index}
    emit(document, as_json=as_json, human=lambda: say(f"done: {plan}; entry {recorded.leaf_index}"))


def _passphrase(file: Path | None, *, twice: bool = False) -> bytes:
    try:
        return read_passphrase(file=file, environment=_PASSPHRASE)
    except PassphraseMissing:
        if file is not None or not typer.get_text_stream("stdin").isatty():
            fail(f"give --passphrase-file or {_PASSPHRASE}", EXIT_REFUSED)
    asked: str = typer.prompt("Passphrase 口令", hide_input=True, confirmation_prompt=twice)
    return asked.encode()
