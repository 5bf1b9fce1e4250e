"""`oncegate key split` and `oncegate key unseal`: the custodians' ceremonies, each in a process of its own.

This process hands the terminal over and learns only what `keys.custody.ceremony` gives back: never the recovery key,
never a share.
"""

import json
import os
import subprocess
import sys
from typing import Annotated, Any

import typer

from gateway.cli.key.asking import By, DryRun, Yes, confirm, office
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say
from gateway.settings import Settings
from keys import canonical
from keys.errors import CeremonyBroken, KeysError
from keys.texts import PUBLIC


@command
def split(
    home: Home,
    shares: Annotated[int, typer.Option("--shares", help="Custodians, each with one share: 2 to 16.")] = 5,
    threshold: Annotated[int, typer.Option("--threshold", help="How many must come together: 2 or more.")] = 3,
    by: By = "",
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Make a new recovery key in custodians' shares. The old shares are void once every new one is confirmed."""
    from gateway.bootstrap import key_changes  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.keystore import Keystore  # noqa: PLC0415 - see gateway.cli.offline
    from keys.custody.shares import check_sharing  # noqa: PLC0415 - only for ceremonies
    from keys.keyring.sealed import RecoverySlot  # noqa: PLC0415 - only for ceremonies

    check_sharing(shares, threshold)
    with open_offline(home) as offline:
        keystore = Keystore(offline.settings)
        with keystore.changing() as change:
            # Opened now, so that nobody writes shares down for a keyring that cannot be sealed again.
            key_changes.must_be_here(change, keystore)
            former = None if change.head is None else change.head.recovery
        plan = f"a new recovery key in {shares} shares, of which {threshold} open"
        if former is not None:
            plan += f"; the {former.shares} shares of set {former.set_id} become void"
        if dry_run:
            say(f"would do: {plan}")
            return
        confirm(plan, yes=yes)
        answer = apart("split", str(shares), str(threshold))
        slot = RecoverySlot(
            set_id=answer["set"],
            shares=shares,
            threshold=threshold,
            created_ms=offline.clock.now_ms(),
            public=canonical.from_text(answer["public"]),
        )
        secret = canonical.from_text(answer["authenticator"])
        key_changes.install_recovery(offline, keystore, slot, secret, office(by))
    say(f"set {slot.set_id} is in force: {threshold} of {shares} shares open the keyring 新份额已生效")


@command
def unseal(
    home: Home,
    by: By = "",
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="A drill: show that the shares open; no key changes.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """Open the keyring with custodians' shares and bring it under a new root key. A sealed gateway then opens."""
    from gateway.bootstrap import key_changes  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.keystore import Keystore  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.clock import SystemClock  # noqa: PLC0415 - see gateway.cli.offline

    settings = Settings.load(home)
    if not dry_run:
        confirm(f"a new root key is made in provider {settings.keys.provider}; the keyring comes under it", yes=yes)
    answer = apart("join", str(Keystore(settings).store.path))
    members = [int(member) for member in answer["members"]]
    content = canonical.from_text(answer["content"])
    head = key_changes.recover(settings, SystemClock(), content, members, office(by), drill=dry_run)
    document = {"members": members, "changed": not dry_run, "root_version": head.root_version}
    done = (
        "the shares open the keyring; nothing was changed 演练成功"
        if dry_run
        else (f"the keyring is under root key version {head.root_version} of provider {head.provider} 已解封")
    )
    emit(document, as_json=as_json, human=lambda: say(done))


def apart(*arguments: str) -> dict[str, Any]:
    """Run a ceremony in a process of its own, on this terminal.

    Args:
        arguments: Of `keys.custody.ceremony`.

    Returns:
        What it gave back.

    Raises:
        KeysError: As it ended; `CeremonyBroken` when it ended without an answer.
    """
    reading, writing = os.pipe()
    try:
        # -P: nothing that lies in the folder where the operator happens to stand is imported.
        words = (sys.executable, "-P", "-m", "keys.custody.ceremony", str(writing), *arguments)
        process = subprocess.Popen(words, pass_fds=(writing,))
    finally:
        os.close(writing)
    with os.fdopen(reading, encoding="ascii") as pipe:
        told = pipe.read()
    process.wait()
    try:
        answer: dict[str, Any] = json.loads(told)
    except ValueError:
        raise CeremonyBroken("the ceremony ended without an answer") from None
    if "error" in answer:
        raise _error(str(answer["error"]))
    return answer


def _error(code: str) -> KeysError:
    """The error of a code, as the ceremony raised it."""
    waiting = [KeysError]
    while waiting:
        found = waiting.pop()
        if found.code == code:
            return found(PUBLIC[code].en)
        waiting += found.__subclasses__()
    return CeremonyBroken(PUBLIC[CeremonyBroken.code].en)
