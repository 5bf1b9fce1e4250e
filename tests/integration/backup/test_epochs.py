"""A log that lost its end goes on in a new epoch, as custodians say, and in no other way where custodians are pinned."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import LedgerCorrupt, LedgerUnavailable
from gateway.backup.confirm import confirm, show_present
from gateway.backup.epoch_open import Opened, open_epoch
from gateway.backup.epoch_prepare import prepare
from gateway.backup.errors import BackupRefused, EpochRefused
from gateway.bootstrap.offline import LEDGER_ANCHOR
from gateway.bootstrap.restored import MARK
from keys.errors import BadEpoch, TooFewCustodians, UnknownKey
from keys.log.checkpoints import Checkpoint, open_checkpoint, sign_checkpoint
from keys.log.custodians import read_unsigned
from keys.log.notes import NoteSigner, NoteVerifier
from tests.integration.backup.test_commands import run
from tests.support.backup_world import World, root_keys_of
from tests.support.epochs import FIVE, pin, signed

ORIGIN = "city.example/ledger"


def append(world: World, count: int) -> None:
    with world.open() as offline:
        for number in range(count):
            offline.ledger.append_blocking(EntryDraft("gateway_started", {"number": number}))


def lose(world: World, tmp_path: Path, settings: Path | None = None, entries: int = 7) -> tuple[World, Path]:
    """A home restored from a backup after which more was written, and the anchor of the gateway that was lost."""
    pin(world.home)
    world.backup(tmp_path / "backup")
    append(world, entries)
    return restored(tmp_path, tmp_path / "new", settings), world.home / LEDGER_ANCHOR


def restored(tmp_path: Path, home: Path, settings: Path | None = None) -> World:
    more = [] if settings is None else ["--settings", settings]
    backup = tmp_path / "backup"
    run("restore", "--from", backup, "--home", home, "--root-keys", root_keys_of(backup), *more)
    return World(home)


def draw_up(world: World, out: Path, *last: Path, earlier: tuple[Path, ...] = ()) -> Path:
    with world.open() as offline:
        out.write_text(prepare(offline, "disk failed", last, earlier).text, encoding="utf-8")
    return out


def opened(world: World, *statements: Path, last: tuple[Path, ...] = (), earlier: tuple[Path, ...] = ()) -> Opened:
    with world.open() as offline:
        return open_epoch(offline, statements, last, earlier)


def test_the_whole_ceremony_by_commands(tmp_path: Path, world: World, settings_for: Callable[[World], Path]) -> None:
    pin(world.home)
    world.backup(tmp_path / "backup")
    append(world, 7)
    new = restored(tmp_path, tmp_path / "new", settings_for(world))
    anchor = world.home / LEDGER_ANCHOR
    assert "open a new epoch" in run("restore", "confirm", "--home", new.home, "--yes", expect=3).stderr
    statement = tmp_path / "statement"
    said = json.loads(
        run(
            *("epoch", "prepare", statement, "--home", new.home, "--reason", "disk failed", "--last", anchor, "--json")
        ).stdout
    )
    assert (said["epoch"], said["restored_size"], said["last_size"], said["lost"]) == (2, 5, 13, 8)
    path = signed(statement)
    done = json.loads(run("epoch", "open", path, "--home", new.home, "--yes", "--json").stdout)
    assert (done["entry"], done["already"], len(done["signed_by"])) == (5, False, 3)
    again = json.loads(run("epoch", "open", path, "--home", new.home, "--yes", "--json").stdout)
    assert (again["entry"], again["already"]) == (5, True)
    confirmed = json.loads(run("restore", "confirm", "--home", new.home, "--yes", "--json").stdout)
    assert confirmed["entry"] == 6
    shown = json.loads(run("epoch", "show", "--home", new.home, "--out", tmp_path / "kept", "--json").stdout)
    assert (shown["epoch"], shown["origin"]) == (2, f"{ORIGIN}/2")
    assert (tmp_path / "kept" / "epoch-2").read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    with new.open() as offline:
        head = open_checkpoint(offline.ledger.checkpoint(), NoteVerifier(shown["key"]), f"{ORIGIN}/2")
        assert head.size == 7
        entry = offline.ledger.entry(5).account
        assert (entry["kind"], entry["lost"], entry["last_size"], entry["why"]) == (
            "epoch_opened",
            8,
            13,
            "disk failed",
        )
        assert offline.ledger.fsck().run().origin == f"{ORIGIN}/2"
    # A copy of the new log, and a backup of it, are as any other.
    with new.open() as offline:
        assert offline.ledger.export(tmp_path / "copy") == 7
    run("audit", "verify", tmp_path / "copy", "--key", shown["key"])
    new.backup(tmp_path / "backup-2")
    keys = ("--root-keys", new.home / "root-keys.bin", "--dry-run")
    run(*("restore", "--json", "--from", tmp_path / "backup-2", "--home", tmp_path / "trial"), *keys)


@pytest.mark.long
def test_custodians_make_their_keys_and_sign_offline(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    statement = draw_up(new, tmp_path / "statement", anchor)
    (tmp_path / "pass").write_text("a good passphrase\n", encoding="utf-8")
    (tmp_path / "pass").chmod(0o600)
    key, passphrase = tmp_path / "key", ("--passphrase-file", tmp_path / "pass")
    made = json.loads(
        run("custodian", "create", key, "--name", "city.example/custodian/archive", *passphrase, "--json").stdout
    )
    assert json.loads(run("custodian", "show", key, *passphrase, "--json").stdout)["key"] == made["key"]
    assert run("custodian", "create", key, "--name", "x", *passphrase, expect=2).stderr
    out = tmp_path / "signed"
    declined = run("epoch", "sign", statement, "--key", key, "--out", out, *passphrase, expect=3, stdin="n\n")
    assert "lost: 8 entries" in declined.stdout
    assert not out.exists()
    run("epoch", "sign", statement, "--key", key, "--out", out, *passphrase, "--yes")
    assert NoteVerifier(made["key"]).verify(out.read_text(encoding="utf-8")) == statement.read_text(encoding="utf-8")
    (tmp_path / "pass").write_text("a wrong passphrase\n", encoding="utf-8")
    run("epoch", "sign", statement, "--key", key, "--out", tmp_path / "x", *passphrase, "--yes", expect=3)


def test_a_log_that_may_have_lost_its_end_takes_no_entry_before_its_epoch(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    with new.open() as offline:
        with pytest.raises(LedgerUnavailable, match="open a new epoch"):
            offline.ledger.append_blocking(EntryDraft("gateway_started", {}))
        with pytest.raises(LedgerUnavailable):
            offline.ledger.start()
        with pytest.raises(BackupRefused):
            confirm(offline)
        assert offline.ledger.size() == 5
    with new.open() as offline, pytest.raises(BackupRefused, match="entries were lost"):
        show_present(offline, anchor)
    opened(new, signed(draw_up(new, tmp_path / "statement", anchor)))
    append(new, 1)


@pytest.mark.long
def test_a_restore_that_lost_nothing_goes_on_as_it_was(tmp_path: Path, small: World) -> None:
    pin(small.home)
    append(small, 1)
    # The backup's own entry comes after it, so the newest head from before it is the one that was kept elsewhere.
    (tmp_path / "kept").write_bytes((small.home / LEDGER_ANCHOR).read_bytes())
    small.backup(tmp_path / "backup")
    new = restored(tmp_path, tmp_path / "new")
    run("restore", "confirm", "--home", new.home, "--last", small.home / LEDGER_ANCHOR, "--yes", expect=3)
    foreign = NoteSigner(ORIGIN, bytes(32))
    (tmp_path / "foreign").write_text(sign_checkpoint(foreign, Checkpoint(ORIGIN, 5, bytes(32))), encoding="utf-8")
    run("restore", "confirm", "--home", new.home, "--last", tmp_path / "foreign", "--yes", expect=3)
    run("restore", "confirm", "--home", new.home, "--last", tmp_path / "kept", "--yes")
    with new.open() as offline:
        assert offline.ledger.entry(6).account["present"] == (tmp_path / "kept").read_text(encoding="utf-8")
        assert offline.ledger.origin == ORIGIN


@pytest.mark.long
def test_without_custodians_nothing_is_prepared_and_a_restore_is_confirmed_as_before(
    tmp_path: Path, small: World
) -> None:
    small.backup(tmp_path / "backup")
    append(small, 3)
    new = restored(tmp_path, tmp_path / "new")
    said = run("epoch", "prepare", tmp_path / "s", "--home", new.home, "--reason", "x", expect=3)
    assert "no custodians are pinned" in said.stderr
    assert "LOG_SHRUNK" in run("restore", "confirm", "--home", new.home, "--yes").stdout


def test_a_statement_over_an_older_head_than_one_that_can_be_seen_is_not_opened(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    path = signed(draw_up(new, tmp_path / "statement"))
    with pytest.raises(BadEpoch):
        opened(new, path, last=(anchor,))
    (new.home / LEDGER_ANCHOR).write_bytes(anchor.read_bytes())
    with pytest.raises(BadEpoch):
        opened(new, path)
    assert opened(new, signed(draw_up(new, tmp_path / "second"))).signed.statement.lost == 8


@pytest.mark.long
def test_a_rolled_back_database_starts_only_with_a_statement(tmp_path: Path, small: World) -> None:
    pin(small.home)
    kept = {path.name: path.read_bytes() for path in small.home.glob("gateway.db*")}
    append(small, 7)
    for path in small.home.glob("gateway.db*"):
        path.unlink()
    for name, content in kept.items():
        (small.home / name).write_bytes(content)
    with small.open() as offline, pytest.raises(LedgerCorrupt, match="shorter"):
        offline.ledger.start()
    path = signed(draw_up(small, tmp_path / "statement"))
    assert opened(small, path).signed.statement.lost == 7
    append(small, 1)
    # And again, behind the epoch: its own anchor tells.
    for path in small.home.glob("gateway.db*"):
        path.unlink()
    for name, content in kept.items():
        (small.home / name).write_bytes(content)
    with small.open() as offline, pytest.raises(LedgerCorrupt, match="not signed by this log's key"):
        offline.ledger.start()


@pytest.mark.long
def test_signatures_that_do_not_suffice_open_nothing(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    statement = draw_up(new, tmp_path / "statement", anchor)
    stranger = NoteSigner("city.example/custodian/99", bytes([99]) * 32)
    twice = NoteSigner("city.example/custodian/98", FIVE[0].seed)
    for signers in (FIVE[:2], [*FIVE[:2], stranger], [*FIVE[:2], twice], [*FIVE[:2], FIVE[0]]):
        with pytest.raises(TooFewCustodians):
            opened(new, signed(statement, signers))
    with new.open() as offline:
        assert offline.ledger.size() == 5
    copies = [signed(statement, [one]) for one in FIVE[2:]]
    assert opened(new, *copies).index == 5


def test_of_two_statements_for_one_epoch_the_second_is_refused(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    first = signed(draw_up(new, tmp_path / "first", anchor))
    second = signed(draw_up(new, tmp_path / "second", anchor))
    opened(new, first)
    with pytest.raises(EpochRefused, match="begun by another statement"):
        opened(new, second)
    append(new, 1)
    with pytest.raises(EpochRefused):
        opened(new, second)
    assert opened(new, first).already


@pytest.mark.long
def test_a_statement_does_not_fit_another_log_or_another_home(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    path = signed(draw_up(new, tmp_path / "statement", anchor))
    other = restored(tmp_path, tmp_path / "other")
    # The key that the statement names is in the keyring of the home in which it was drawn up.
    with pytest.raises(UnknownKey):
        opened(other, path)
    text = path.read_text(encoding="utf-8")
    (tmp_path / "bent").write_text(text.replace("disk failed", "disk mended"), encoding="utf-8")
    with pytest.raises(BadEpoch):
        opened(new, tmp_path / "bent")


@pytest.mark.long
def test_a_running_gateway_is_not_led_into_another_epoch(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    path = signed(draw_up(new, tmp_path / "statement", anchor))
    with new.open() as offline:
        now_ms = offline.clock.now_ms()
    (new.home / "status.json").write_text(json.dumps({"written_unix_ms": now_ms}), encoding="utf-8")
    with pytest.raises(EpochRefused, match="running"):
        opened(new, path)


@pytest.mark.long
def test_a_log_that_grew_since_the_statement_needs_another_one(tmp_path: Path, small: World) -> None:
    pin(small.home)
    path = signed(draw_up(small, tmp_path / "statement"))
    append(small, 1)
    with pytest.raises(EpochRefused, match="does not end at the head"):
        opened(small, path)
    # Nothing is lost here: a new epoch then only means a new key.
    done = opened(small, signed(draw_up(small, tmp_path / "second")))
    assert (done.signed.statement.lost, done.index) == (0, 6)
    append(small, 1)


@pytest.mark.long
def test_a_third_epoch_follows_the_second_also_from_a_backup_that_knows_of_none(tmp_path: Path, small: World) -> None:
    new, anchor = lose(small, tmp_path)
    second = signed(draw_up(new, tmp_path / "second", anchor))
    opened(new, second)
    append(new, 3)
    newest = new.home / LEDGER_ANCHOR
    third = restored(tmp_path, tmp_path / "third")
    with pytest.raises(EpochRefused, match="not a head of this log"):
        draw_up(third, tmp_path / "blind", newest)
    path = signed(draw_up(third, tmp_path / "statement", newest, earlier=(second,)))
    statement, _ = read_unsigned(path.read_text(encoding="utf-8"))
    assert (statement.number, statement.origin, statement.lost) == (3, f"{ORIGIN}/3", 4)
    with pytest.raises(EpochRefused):
        opened(third, path)
    assert opened(third, path, earlier=(second,)).index == 5
    with third.open() as offline:
        assert [one.number for one in offline.ledger.lineage.chain.statements] == [2, 3]
        assert offline.ledger.fsck().run([anchor.read_text(encoding="utf-8")]).size == 6
    assert (third.home / MARK).exists()
