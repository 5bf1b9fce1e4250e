import base64
from pathlib import Path

from keys.batch import BatchItem
from nodes.provider.state import KeptRelease, Releases, open_state
from tests.support.exchange_gateway import NOW_MS, ExchangeGateway
from tests.unit.node_cli.conftest import Run, document


def _keep(home: Path, *numbers: int) -> None:
    keys = ExchangeGateway.create().providers["tax.payer"].keys
    item = BatchItem(b"body", b"signature", 0, 2, (b"p" * 32,))
    state = open_state(home / "state" / "node.sqlite")
    releases = Releases(state)
    kept = [
        KeptRelease(
            ticket_id=bytes([n]) * 16,
            expires_ms=NOW_MS,
            ticket_digest=bytes([n]) * 32,
            released_ms=NOW_MS,
            resource="civil.resident",
            consumer="school",
            system="counter",
            purpose="school_enrolment",
            agreement="civil-school",
            revision=3,
            session_id=b"s" * 16,
            request=b"request",
            request_signature=b"signature",
            requester_keys=keys,
            ticket=item,
            promise=item,
            disclosure=b"disclosure",
            receipt=b"receipt",
        )
        for n in numbers
    ]
    releases.keep(kept, NOW_MS).result()
    releases.sign([(bytes([numbers[0]]) * 32, BatchItem(b"receipt", b"s", 0, 1, ()))]).result()
    state.close()


def test_releases_are_listed_newest_first_with_their_evidence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n')
    _keep(tmp_path, 1, 2, 3)
    listed = document(run("receipts", "list", "--home", tmp_path, "--json"))
    assert [r["number"] for r in listed] == [3, 2, 1]
    assert [r["signed"] for r in listed] == [False, False, True]
    assert base64.b64decode(listed[2]["receipt"]["body"]) == b"receipt"
    assert base64.b64decode(listed[0]["receipt"]) == b"receipt"
    assert listed[0]["ticket"]["path"]
    older = document(run("receipts", "list", "--home", tmp_path, "--before", 3, "--limit", 1, "--json"))
    assert [r["number"] for r in older] == [2]
    shown = run("receipts", "list", "--home", tmp_path).stdout
    assert "school/counter" in shown
    assert "civil-school r3" in shown


def test_a_home_without_state_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n')
    assert "STATE_UNUSABLE" in run("receipts", "list", "--home", tmp_path, expect=2).stderr
