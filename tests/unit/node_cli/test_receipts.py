import base64
from dataclasses import replace
from pathlib import Path

from keys.batch import BatchItem
from nodes.provider.state import KeptRelease, Releases, State, open_state
from nodes.provider.used import Use
from oncegate.v1 import signed_pb2
from tests.support.exchange_gateway import NOW_MS, ExchangeGateway
from tests.unit.node_cli.conftest import Run, document


def keep_releases(
    state: State, promise: bytes, *numbers: int, request: bytes = b"request", emergency: str = ""
) -> None:
    keys = ExchangeGateway.create().providers["tax.payer"].keys
    item = BatchItem(b"body", b"signature", 0, 2, (b"p" * 32,))
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
            use=Use(20_000, 77),
            session_id=b"s" * 16,
            request=request,
            request_signature=b"signature",
            requester_keys=keys,
            ticket=item,
            promise=replace(item, body=promise),
            disclosure=b"disclosure",
            receipt=replace(item, body=b"receipt"),
            emergency=emergency,
        )
        for n in numbers or (1,)
    ]
    releases.keep(kept, NOW_MS).result()


def test_releases_are_listed_newest_first_with_their_evidence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n')
    state = open_state(tmp_path / "state" / "node.sqlite")
    keep_releases(state, b"promise", 1, 2, 3)
    state.close()
    listed = document(run("receipts", "list", "--home", tmp_path, "--json"))
    assert [r["number"] for r in listed] == [3, 2, 1]
    assert base64.b64decode(listed[2]["receipt"]["body"]) == b"receipt"
    assert base64.b64decode(listed[0]["receipt"]["body"]) == b"receipt"
    assert listed[0]["ticket"]["path"]
    older = document(run("receipts", "list", "--home", tmp_path, "--before", 3, "--limit", 1, "--json"))
    assert [r["number"] for r in older] == [2]
    shown = run("receipts", "list", "--home", tmp_path).stdout
    assert "school/counter" in shown
    assert "civil-school r3" in shown


def test_what_was_released_in_emergencies_is_listed_with_what_was_stated(run: Run, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n')
    state = open_state(tmp_path / "state" / "node.sqlite")
    keep_releases(state, b"promise", 1)
    declared = signed_pb2.EmergencyDeclaration(reason="life_saving_care", statement="昏迷患者送医")
    request = signed_pb2.RequestBody(emergency=declared).SerializeToString()
    keep_releases(state, b"promise", 2, request=request, emergency="life_saving_care")
    state.close()
    listed = document(run("receipts", "list", "--home", tmp_path, "--emergencies", "--json"))
    assert [(r["number"], r["emergency"]) for r in listed] == [
        (2, {"reason": "life_saving_care", "statement": "昏迷患者送医"})
    ]
    everything = document(run("receipts", "list", "--home", tmp_path, "--json"))
    assert [r.get("emergency", {}).get("reason") for r in everything] == ["life_saving_care", None]
    shown = run("receipts", "list", "--home", tmp_path, "--emergencies").stdout
    assert "昏迷患者送医" in "".join(shown.split())
    assert "civil-school" in shown


def test_a_home_without_state_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n')
    assert "STATE_UNUSABLE" in run("receipts", "list", "--home", tmp_path, expect=2).stderr
