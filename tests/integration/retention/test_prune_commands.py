"""`oncegate audit prune | hold` on a gateway's home: shown first, on the log first, gone from the files, sound afterwards."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Table, insert
from sqlmodel import SQLModel
from typer.testing import CliRunner, Result

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import EntryPruned
from gateway.audit.kinds import Kind
from gateway.audit.retention.rule import Kept
from gateway.audit.verify.copy import verify_export
from gateway.audit.verify.pruned import MONTH_MS
from gateway.bootstrap.home import initialise
from gateway.bootstrap.offline import Offline, compose
from gateway.bootstrap.retention import daily, references_of
from gateway.cli.main import app
from gateway.clock import SystemClock
from gateway.settings import FILE_NAME, BadSettings, Settings
from gateway.storage.database import write_transaction
from keys.passphrase import LOWEST
from tests.support.backup_world import PASSPHRASE, PERSONS, World, put_back
from tests.support.index_node import FixedClock

pytestmark = pytest.mark.long
CASE = "case-17-that-is-found-in-the-clear-only-when-opened"
REQUESTS = 3


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", PASSPHRASE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONCEGATE_PASSPHRASE", PASSPHRASE)
        home = tmp_path_factory.mktemp("world") / "home"
        initialise(home, "city.example", None, "127.0.0.1:0", "127.0.0.1:0", cost=LOWEST)
        yield World(home)


def write_requests(offline: Offline, number: int) -> list[bytes]:
    """So many settled requests; the sealed accountability parts as they lie in the database."""
    for _ in range(number):
        items = [{"resource": "civil.resident", "field": "name", "form": "value"}]
        body = {"department": "education", "system": "spiffe://x/department/education/system/s", "case": CASE}
        about = {"person": {"person": PERSONS[0].hex()}, "about": PERSONS[0]}
        asked = offline.ledger.append_blocking(EntryDraft("asked", {**body, "items": items}, **about))  # type: ignore[arg-type]
        outcome = {**body, "items": [{**items[0], "outcome": "released"}], "request": asked.leaf_index}
        offline.ledger.append_blocking(EntryDraft("released", outcome, **about))  # type: ignore[arg-type]
    with offline.engine.connect() as connection:
        sealed = connection.exec_driver_sql("SELECT accountability FROM audit_entries WHERE kind = 'asked'").scalars()
        return [bytes(one) for one in sealed]


@pytest.fixture
def home(made: World, tmp_path: Path) -> Path:
    """A home with old requests and new ones."""
    home = tmp_path / "home"
    shutil.copytree(made.home, home)
    text = (home / FILE_NAME).read_text(encoding="utf-8")
    (home / FILE_NAME).write_text(text + "\n[retention]\nmonths = 6\n", encoding="utf-8")
    return home


@pytest.fixture
def sealed(home: Path) -> list[bytes]:
    clock = FixedClock()
    clock.at_ms = SystemClock().now_ms() - 7 * MONTH_MS
    old = compose(Settings.load(home), clock)
    try:
        written = write_requests(old, REQUESTS)
    finally:
        old.ledger.stop()
        old.engine.dispose()
    with World(home).open() as offline:
        write_requests(offline, 1)
    return written


def run(home: Path, *words: str, code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["audit", *words, "--home", str(home)], input=answer)
    assert result.exit_code == code, result.output
    return result


def raw(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.glob("gateway.db*")))


def test_shown_first_then_gone_for_good_and_everything_still_verifies(
    home: Path, sealed: list[bytes], tmp_path: Path
) -> None:
    plan = json.loads(run(home, "prune", "--dry-run", "--json").stdout)
    assert plan["entries"] >= 2 * REQUESTS
    assert run(home, "prune", "--json", code=2)
    assert run(home, "prune", code=1, answer="n\n")
    # The positive control: what is destroyed below is in the files as long as nobody agreed.
    assert all(one in raw(home) for one in sealed)
    with World(home).open() as offline:
        assert not offline.ledger.prunings.all()
        kept, key = offline.ledger.checkpoint(), offline.ledger_key
        asked = offline.ledger.entries(kind="asked", limit=100).entries[-1].leaf_index

    done = json.loads(run(home, "prune", "--yes", "--json").stdout)

    assert [one["entries"] for one in done["pruned"]] == [plan["entries"]]
    assert done["pruned"][0]["overwritten"]
    assert not [one for one in sealed if one in raw(home)]
    assert json.loads(run(home, "fsck", "--json").stdout)["pruned"] == plan["entries"]
    with World(home).open() as offline:
        with pytest.raises(EntryPruned):
            offline.ledger.entry(asked)
        offline.ledger.export(tmp_path / "copy")
        assert {one.kind for one in offline.ledger.entries(limit=500).entries} >= {"pruned", str(Kind.LOG_PRUNED)}
    assert verify_export(tmp_path / "copy", key, kept).pruned == plan["entries"]
    said = CliRunner().invoke(app, ["audit", "verify", str(tmp_path / "copy"), "--key", key])
    assert f"{plan['entries']} entries below" in said.output
    assert json.loads(run(home, "prune", "--yes", "--json").stdout)["entries"] == 0

    # A backup of the pruned log is put back as it was.
    World(home).backup(tmp_path / "backup")
    put_back(tmp_path / "backup", tmp_path / "new")
    assert json.loads(run(tmp_path / "new", "fsck", "--json").stdout)["pruned"] == plan["entries"]


def test_a_hold_is_on_the_log_and_keeps_what_it_covers(home: Path, sealed: list[bytes]) -> None:
    before = json.loads(run(home, "prune", "--dry-run", "--json").stdout)["entries"]
    run(home, "hold", "add", "--why", "person 11010519491231002X", code=2)
    run(home, "hold", "add", "--why", "order 7", "--from", "2026-03", code=2)
    run(home, "hold", "add", "--why", "order 7", "--from", "2026-03-01", "--from-entry", "1", code=2)
    hold = json.loads(run(home, "hold", "add", "--why", "court order 7/2026", "--json").stdout)
    assert (hold["from"], hold["until"]) == (0, None)
    assert [one["hold"] for one in json.loads(run(home, "hold", "list", "--json").stdout)] == [hold["hold"]]
    plan = json.loads(run(home, "prune", "--yes", "--json").stdout)
    assert (plan["entries"], plan["kept"]["hold"]) == (0, before)
    assert all(one in raw(home) for one in sealed)
    run(home, "hold", "remove", str(hold["hold"] + 1), "--why", "order 9", code=3)
    run(home, "hold", "remove", str(hold["hold"]), "--why", "court order 9/2026")
    assert json.loads(run(home, "hold", "list", "--json").stdout) == []
    assert json.loads(run(home, "prune", "--dry-run", "--json").stdout)["entries"] == before


async def test_a_serving_gateway_prunes_by_itself_only_when_that_is_switched_on(
    home: Path, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(home).open() as offline:
        assert daily(offline) == ()
    monkeypatch.setenv("ONCEGATE_RETENTION__AUTOMATIC", "true")
    with World(home).open() as offline:
        ((_, _, turn),) = daily(offline)
        await turn()
        assert len(offline.ledger.prunings.all()) == 1
        await turn()
        assert len(offline.ledger.prunings.all()) == 1
    assert not [one for one in sealed if one in raw(home)]


def filled(table: Table, **known: object) -> dict[str, object]:
    """A row with something in every column."""
    blank: dict[object, object] = {int: 0, str: "", bytes: b"\x01" * 16}
    return {column.name: known.get(column.name, blank.get(column.type.python_type, "")) for column in table.columns}


def test_what_is_not_finished_in_the_gateways_tables_keeps_its_entries(home: Path) -> None:
    now = SystemClock().now_ms()
    with World(home).open() as offline:
        tables = {table.name: table for table in SQLModel.metadata.sorted_tables}
        uses, notices = tables["emergencies_uses"], tables["vault_notices"]
        consents, listed = tables["sharing_consents"], tables["audit_listed"]
        open_use = {"entry": 3, "review_entry": 4, "overdue_entry": -1, "outcome": "follow_up"}
        judged = {"use_id": b"2" * 16, "entry": 5, "review_entry": 6, "overdue_entry": -1, "outcome": "justified"}
        hidden = {
            "use_id": b"3" * 16,
            "entry": 7,
            "review_entry": -1,
            "outcome": "justified",
            "person_from_ms": now * 2,
        }
        with write_transaction(offline.engine) as connection:
            for one in (open_use, judged, {**hidden, "overdue_entry": -1}):
                connection.execute(insert(uses).values(filled(uses, **one)))
            connection.execute(insert(notices).values(filled(notices, entries="9,10")))
            done = filled(notices, notice_id=b"2" * 16, entries="11", acknowledged_ms=1)
            connection.execute(insert(notices).values(done))
            connection.execute(insert(listed).values(filled(listed, entry=12, until_ms=now * 2)))
            connection.execute(insert(listed).values(filled(listed, token=b"2" * 16, entry=13, until_ms=1)))
            for number, (status, until, told) in enumerate(
                (("granted", now * 2, -1), ("granted", 1, -1), ("revoked", now * 2, 0), ("revoked", now * 2, 5))
            ):
                key = bytes([number + 1])
                row = filled(
                    consents, consent_id=key * 16, digest=key * 32, status=status, valid_until_ms=until, told_ms=told
                )
                connection.execute(insert(consents).values(row))
        found = references_of(offline)(now)
    assert found.entries == {
        3: Kept.EMERGENCY_WITHOUT_FINDING, 4: Kept.EMERGENCY_WITHOUT_FINDING, 7: Kept.HIDDEN_FROM_PERSON,
        9: Kept.OPEN_NOTICE, 10: Kept.OPEN_NOTICE, 12: Kept.LISTED,
    }  # fmt: skip
    assert found.consents == {(b"\x01" * 32).hex(), (b"\x03" * 32).hex()}


@pytest.mark.parametrize(
    "said", ["months = 5", "months = 12\nkinds = {asked = 6}", "kinds = {nothing = 300}", 'law = ""']
)
def test_a_rule_that_keeps_less_than_the_law_asks_stops_the_start(made: World, tmp_path: Path, said: str) -> None:
    file = tmp_path / FILE_NAME
    file.write_text((made.home / FILE_NAME).read_text(encoding="utf-8") + f"\n[retention]\n{said}\n", encoding="utf-8")
    with pytest.raises(BadSettings, match="retention"):
        compose(Settings.load(made.home, file), SystemClock())
