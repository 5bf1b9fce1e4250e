"""`oncegate key migrate`: from one provider of the root key to another."""

from gateway.cli.key.asking import By, DryRun, Yes, confirm, office
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say
from gateway.settings import Settings


@command
def migrate(home: Home, by: By = "", yes: Yes = False, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Bring the keyring under the provider that the settings ask for; also from the first, passphrase-only form."""
    from gateway.bootstrap import key_changes, offline  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.keystore import FIRST_FORM, Keystore  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.secrets import open_secrets  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.clock import SystemClock  # noqa: PLC0415 - see gateway.cli.offline

    settings = Settings.load(home)
    keystore = Keystore(settings)
    opened = keystore.open_wherever()
    former = FIRST_FORM if opened.head is None else opened.head.provider
    plan = f"the keyring comes from provider {former} under a new root key of provider {settings.keys.provider}"
    document = {"former": former, "provider": settings.keys.provider, "changed": False}
    if former == settings.keys.provider:
        emit(document, as_json=as_json, human=lambda: say(f"the keyring is under provider {former} already"))
        return
    if dry_run:
        # Asked here already, so that a missing token or a wrong PIN is found before the change is.
        keystore.roots().versions()
        emit(document, as_json=as_json, human=lambda: say(f"would do: {plan}"))
        return
    confirm(plan, yes=yes)
    parts = offline.compose(settings, SystemClock(), open_secrets(settings, keystore, opened.keyring))
    try:
        head = key_changes.migrate(parts, keystore, office(by))
    finally:
        parts.ledger.stop()
        parts.engine.dispose()
    document |= {"changed": True, "root_version": head.root_version}
    emit(document, as_json=as_json, human=lambda: say(f"{plan}, version {head.root_version}"))
