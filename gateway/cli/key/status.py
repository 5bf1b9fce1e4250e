"""`oncegate key status`: what protects the keyring, which versions are in use, and whether it opens right now."""

from typing import TYPE_CHECKING, Any

from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, moment, say, table
from gateway.settings import Settings
from keys.errors import KeysError
from keys.texts import public_text

if TYPE_CHECKING:
    from gateway.bootstrap.keystore import Keystore


@command
def status(home: Home, as_json: AsJson = False) -> None:
    """Show the provider, versions, the custodians' slot, and data keys per key-encryption key. Works sealed too."""
    from gateway.bootstrap.keystore import FIRST_FORM, Keystore  # noqa: PLC0415 - see gateway.cli.offline

    settings = Settings.load(home)
    keystore = Keystore(settings)
    head = keystore.head()
    recovery = None if head is None else head.recovery
    document: dict[str, Any] = {
        "provider": FIRST_FORM if head is None else head.provider,
        "configured_provider": settings.keys.provider,
        "generation": 0 if head is None else head.generation,
        "root_version": 0 if head is None else head.root_version,
        "recovery": None
        if recovery is None
        else {
            "set": recovery.set_id,
            "shares": recovery.shares,
            "threshold": recovery.threshold,
            "created_unix_ms": recovery.created_ms,
        },
        "data_keys_per_version": _counts(settings),
        **_opened(keystore),
    }
    emit(document, as_json=as_json, human=lambda: _show(document))


def _counts(settings: Settings) -> dict[str, int]:
    """Data keys per version of the key-encryption key; known without any key."""
    from gateway.storage.database import open_database  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.vault.data_keys import count_by_version  # noqa: PLC0415 - see gateway.cli.offline

    engine = open_database(settings.database_url)
    try:
        with engine.connect() as connection:
            return {str(version): count for version, count in sorted(count_by_version(connection).items())}
    finally:
        engine.dispose()


def _opened(keystore: "Keystore") -> dict[str, Any]:
    """What only an open keyring tells; why not, when it does not open."""
    try:
        opened = keystore.open()
        roots = keystore.roots().versions()
    except KeysError as error:
        text = public_text(error)
        sealed = {"code": error.code, "en": text.en, "zh": text.zh}
        return {"sealed": sealed, "root_versions": [], "versions": {}, "minimums": {}}
    keyring = opened.keyring
    return {
        "sealed": None,
        "root_versions": list(roots),
        "versions": {name: list(keyring.versions(name)) for name in keyring.names()},
        "minimums": {name: keyring.minimum(name) for name in keyring.names() if keyring.minimum(name) > 1},
    }


def _show(document: dict[str, Any]) -> None:
    sealed, recovery = document["sealed"], document["recovery"]
    state = "opens" if sealed is None else f"SEALED 封存: {sealed['code']}: {sealed['en']} / {sealed['zh']}"
    say(f"keyring: provider {document['provider']}, root key version {document['root_version']}: {state}")
    if document["provider"] != document["configured_provider"]:
        say(f"the settings ask for provider {document['configured_provider']}: oncegate key migrate")
    if recovery is None:
        say("custodians: no recovery slot; oncegate key split")
    else:
        made = moment(recovery["created_unix_ms"])
        say(f"custodians: {recovery['threshold']} of {recovery['shares']} shares, set {recovery['set']}, made {made}")
    counts, newest = document["data_keys_per_version"], document["versions"].get("vault-kek", [0])[-1]
    for version, count in counts.items():
        behind = "" if not newest or int(version) == newest else ": behind, oncegate key rotate --what kek"
        say(f"data keys under vault-kek version {version}: {count}{behind}")
    rows = [
        (name, ", ".join(map(str, versions)), document["minimums"].get(name, 1))
        for name, versions in document["versions"].items()
    ]
    if rows:
        table("Keyring", ("secret", "versions", "lowest that opens"), rows)
