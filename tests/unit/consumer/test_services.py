"""Gathering evidence, with a gateway that answers what the test says."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from keys.batch import BatchItem
from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.answer import Answer, Promise, Row, RowStatus
from nodes.consumer.items import Item
from nodes.consumer.service_files import ServiceFiles
from nodes.consumer.services import Application, ServiceDesk
from nodes.enrolment.errors import BadInput, GatewayUnreachable, RequestRefused
from policies.services import OnSilence, ServiceReference, Standing, State, Why
from policies.vocabulary import Form, LegalBasis, Necessity
from tests.support.services import Fact, Need, service_text
from tests.unit.policies.services.test_lint import agreement

NOW_MS = 1_750_000_000_000
SUBJECT = ("cn.resident-id", "11010519491231002X")
FACTS = {
    "name": Fact(["name"]),
    "same": Fact(["name=equals|value"]),
    "address": Fact(["address"], by_hand="户口簿"),
    "home": Fact(["location"], "housing.property"),
}
NEEDS = {"residence": Need([["home"], ["address"]]), "who": Need([["name"]])}
PROMISE = Promise(1, b"", BatchItem(b"", b"", 0, 1, ()))
Reply = Callable[[Item], Row] | Exception


class Clock:
    def now_ms(self) -> int:
        return NOW_MS

    def monotonic_s(self) -> float:
        return 0.0


class Accepted(AcceptedProviders):
    """Agreements that are there without files."""

    def __init__(self, *agreements: Any) -> None:
        self._given = agreements

    def agreements(self, now_ms: int) -> tuple[Any, ...]:
        assert now_ms == NOW_MS
        return self._given


EVERYTHING = Accepted(
    agreement({"name": ["value"], "address": ["value"]}),
    agreement({"location": ["value"]}, resource='"housing.property"'),
)


class Gateway:
    """Answers one reply after another and keeps what was asked."""

    def __init__(self, folder: Path, *replies: Reply, accepted: AcceptedProviders = EVERYTHING) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self._replies = list(replies)
        self._folder = folder
        files = ServiceFiles(folder, "education")
        prepare: Any = lambda **wish: wish  # noqa: E731 - what was asked stands for what would be signed
        self.desk = ServiceDesk(files, ("education", "school"), accepted, Clock(), prepare, self._send)

    async def _send(self, prepared: Any) -> Answer:
        self.asked.append(prepared)
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        rows = tuple(reply(item) for item in prepared["items"])
        return Answer("r", True, rows, (), PROMISE, PROMISE, False)

    def put(self, needs: Mapping[str, Need] = NEEDS) -> ServiceReference:
        (self._folder / "services").mkdir(exist_ok=True)
        named = {code for need in needs.values() for codes in need.lists for code in codes}
        text = service_text({code: fact for code, fact in FACTS.items() if code in named}, needs)
        (self._folder / "services" / "one.toml").write_text(text, encoding="utf-8")
        return self.desk.files.get("school-enrolment").reference

    async def gather(self, **more: Any) -> Application:
        return await self.desk.gather("school-enrolment", **{"subject": SUBJECT, **more})

    @property
    def items(self) -> list[list[str]]:
        return [[str(item) for item in one["items"]] for one in self.asked]


def released(item: Item) -> Row:
    return Row(item.resource, item.field, item.form, item.necessity, RowStatus.RELEASED, "civil", "x", "x", "string")


def not_there(*fields: str) -> Callable[[Item], Row]:
    def row(item: Item) -> Row:
        if item.field in fields:
            return Row(item.resource, item.field, item.form, item.necessity, RowStatus.NOT_AVAILABLE, "civil")
        return released(item)

    return row


def refusal(code: str, items: str = "", status: str = "PERMISSION_DENIED") -> RequestRefused:
    return RequestRefused(code, status=status, zh="拒", en="no", facts={"items": items} if items else {})


async def test_purpose_basis_and_the_reference_come_from_the_service_item(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, released)
    reference = gateway.put()
    found = await gateway.gather(case_reference="7", consent="", deadline_s=3.0)
    [asked] = gateway.asked
    assert (asked["purpose"], asked["basis"], asked["service"]) == ("school_enrolment", LegalBasis.MANDATE, reference)
    assert (asked["subject"], asked["case_reference"], asked["deadline_s"]) == (SUBJECT, "7", 3.0)
    assert gateway.items == [["housing.property:location=value?", "civil.resident:name=value?"]]
    assert (found.result.state, len(found.answers)) == (State.COMPLETE, 1)
    assert found.row("civil.resident:name").text == "x"
    with pytest.raises(KeyError):
        found.row("civil.resident:address")


async def test_a_later_request_that_breaks_off_leaves_open_what_it_was_for(tmp_path: Path) -> None:
    for error in (GatewayUnreachable("UNAVAILABLE"), refusal("RATE_EXCEEDED", status="RESOURCE_EXHAUSTED")):
        gateway = Gateway(tmp_path, not_there("location"), error)
        gateway.put()
        found = await gateway.gather(on_silence=OnSilence.GO_ON)
        assert gateway.items[1:] == [["civil.resident:address=value?"]]
        assert (found.result.state, found.result["who"].standing) == (State.UNKNOWN, Standing.SATISFIED)
        [gap] = found.result["residence"].lists[1].members[0].gaps
        assert (gap.why, gap.reason) == (Why.FAILED, error.code)


async def test_a_later_request_that_policy_refuses_as_a_whole_leaves_out_what_it_was_for(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, not_there("location"), refusal("CONSENT_EXHAUSTED"))
    gateway.put()
    found = await gateway.gather()
    [gap] = found.result["residence"].lists[1].members[0].gaps
    assert (gap.why, gap.reason, found.result.state) == (Why.WITHHELD, "CONSENT_EXHAUSTED", State.INCOMPLETE)


async def test_a_first_request_that_breaks_off_is_raised(tmp_path: Path) -> None:
    for error in (GatewayUnreachable("UNAVAILABLE"), refusal("UNKNOWN_PURPOSE"), refusal("WITHHELD")):
        gateway = Gateway(tmp_path, error)
        gateway.put()
        with pytest.raises(type(error)):
            await gateway.gather()


async def test_a_refusal_that_names_items_says_that_they_are_withheld(tmp_path: Path) -> None:
    first = "housing.property.location:value=NOT_SHARED"
    gateway = Gateway(tmp_path, refusal("NOT_SHARED", first), not_there("name"))
    gateway.put()
    found = await gateway.gather()
    assert gateway.items[1] == ["civil.resident:address=value?", "civil.resident:name=value?"]
    [gap] = found.result["residence"].lists[0].members[0].gaps
    assert (gap.why, gap.reason) == (Why.WITHHELD, "NOT_SHARED")
    assert found.result["residence"].by == 1
    assert found.result.state is State.INCOMPLETE


async def test_that_nobody_answered_at_all_is_a_silence(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, refusal("ALL_PROVIDERS_SILENT", status="UNAVAILABLE"))
    gateway.put()
    found = await gateway.gather()
    assert (found.result.state, len(found.answers), len(gateway.asked)) == (State.UNKNOWN, 0, 1)


async def test_an_item_without_which_it_can_never_be_complete_is_required_of_the_gateway(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, released)
    gateway.put({"who": Need([["name"]], then="refusal")})
    await gateway.gather()
    assert [item.necessity for item in gateway.asked[0]["items"]] == [Necessity.REQUIRED]


async def test_what_is_compared_travels_with_the_item_and_is_never_printed(tmp_path: Path) -> None:
    same = '[[predicates]]\nname = "same"\nfield = "name"\noperator = "equals"\n'
    gateway = Gateway(tmp_path, released, accepted=Accepted(agreement({"name": ["predicate"]}, same)))
    gateway.put({"who": Need([["same"]])})
    await gateway.gather(operands={"civil.resident:name": "王静"})
    [item] = gateway.asked[0]["items"]
    assert (item.form, item.operand) == (Form.PREDICATE, "王静")
    assert "王静" not in repr(item)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"subject": ("cn.uscc", "x")}, "subject"),
        ({"handed_in": ["home"]}, "handed_in"),
        ({"handed_in": ["nothing"]}, "handed_in"),
        ({"optional": ["who"]}, "optional"),
        ({"optional": ["nothing"]}, "optional"),
        ({"operands": {"civil.resident:name": "x"}}, "operands"),
    ],
)
async def test_what_the_service_item_does_not_know_is_refused_before_anything_is_sent(
    tmp_path: Path, wish: dict[str, Any], field: str
) -> None:
    gateway = Gateway(tmp_path)
    gateway.put()
    with pytest.raises(BadInput, match=field):
        await gateway.gather(**wish)
    assert gateway.asked == []


async def test_an_equality_without_its_operand_is_refused(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.put({"who": Need([["same"]])})
    with pytest.raises(BadInput, match="operands"):
        await gateway.gather()


async def test_without_an_agreement_nothing_is_asked(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, accepted=Accepted())
    gateway.put()
    found = await gateway.gather()
    assert (found.result.state, gateway.asked) == (State.INCOMPLETE, [])


def test_a_folder_that_is_not_there_has_no_service_items(tmp_path: Path) -> None:
    files = ServiceFiles(tmp_path, "education")
    assert files.list() == ()
    with pytest.raises(BadInput, match="no usable file"):
        files.get("school-enrolment")


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_used(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.put()
    (tmp_path / "services" / "folder.toml").mkdir()
    (tmp_path / "services" / "bad.toml").write_bytes(b"\xff")
    listed = {file.path.name: file.problem for file in gateway.desk.files.list()}
    assert listed == {
        "bad.toml": "bad.toml:1: the file must be UTF-8",
        "folder.toml": "folder.toml: cannot be read",
        "one.toml": "",
    }


def test_an_exchanges_own_purposes_count_when_their_file_lies_in_the_home(tmp_path: Path) -> None:
    files = ServiceFiles(tmp_path, "education")
    (tmp_path / "services").mkdir()
    text = service_text({"name": FACTS["name"]}, {"who": Need([["name"]])}, purpose='"library_card"')
    (tmp_path / "services" / "card.toml").write_text(text, encoding="utf-8")
    assert "purpose: must be a registered purpose" in files.list()[0].problem
    further = tmp_path / "purposes.toml"
    further.write_text(
        'format = "oncegate.purposes/1"\n[library_card]\nzh = "图书馆读者证办理"\nen = "Library card"\n'
        'bases = ["mandate"]\nlaw_zh = "《中华人民共和国公共图书馆法》"\nlaw_en = "Public Library Law"\n',
        encoding="utf-8",
    )
    assert files.get("school-enrolment").purpose == "library_card"
    further.write_text("nothing", encoding="utf-8")
    with pytest.raises(BadInput, match=r"purposes\.toml"):
        files.list()


def test_accepted_agreements_are_those_of_the_home(tmp_path: Path) -> None:
    assert AcceptedProviders(tmp_path, "education").agreements(NOW_MS) == ()
