"""What becomes of a checked ticket: forms, outcomes, and answers that look alike whatever the record says."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keys.batch import sign_batch
from keys.sealing import OVERHEAD
from keys.signing import RECEIPTS, digest
from nodes.errors import SourceFailed
from nodes.provider.agreements import AgreementBook
from nodes.provider.checks import CheckedTicket, Identity, TicketChecks
from nodes.provider.config import DepartmentRules, GuessLimits, Handles, Limits, ProvidedResource, load_offer
from nodes.provider.connectors import BadRow, Row
from nodes.provider.consent_proofs import ConsentProofs
from nodes.provider.consents import ConsentBook
from nodes.provider.model import OrderedItem
from nodes.provider.release import Prepared, Releaser, answer_length
from nodes.provider.state import ConsentState, Guesses, Outbox, Records, State, open_state
from nodes.provider.state.records import Seen
from nodes.provider.used import AgreementUses, UsedTickets
from oncegate.v1 import signed_pb2
from policies.consent_words import Proof
from policies.vocabulary import Form
from tests.support.provider_world import (
    BIRTH_YEAR,
    LI,
    NAME_VALUE,
    NOBODY,
    NODE,
    RECORD,
    RESOURCE,
    RESOURCES_TOML,
    SCHEME,
    ZHANG,
    Ask,
    World,
    items,
    outcomes,
    texts,
)


@dataclass
class Reader:
    """A source in memory; counts what is read."""

    rows: dict[str, Row] = field(default_factory=dict)
    down: bool = False
    reads: list[list[str]] = field(default_factory=list)

    def probe(self) -> None:
        raise NotImplementedError

    def scan(self) -> Iterator[Row | BadRow]:
        raise NotImplementedError

    def read_many(self, keys: Sequence[str]) -> Mapping[str, Row]:
        self.reads.append(list(keys))
        if self.down:
            raise SourceFailed("people: cannot be read (X)")
        return {key: self.rows[key] for key in keys if key in self.rows}

    def put(self, key: str, identifier: str, unreadable: frozenset[str] = frozenset(), **values: str | None) -> None:
        plain = {
            "id": key[2:],
            "id_no": identifier,
            "updated_at": "2026-01-02",
            "xm": "张三丰",
            "csrq": "19900307",
            "xb": "1",
        }
        self.rows[key] = Row(key, plain | values, unreadable)


@dataclass
class Kit:
    """A releaser with two published records."""

    world: World
    state: State
    resource: ProvidedResource
    reader: Reader = field(default_factory=Reader)
    withheld: frozenset[str] = frozenset()
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.records = Records(self.state)
        file = self.world.folder / "withdrawn-consents.txt"
        self.book = ConsentBook(ConsentState(self.state), file, self.world.clock, lambda *_: {})
        self.reader.put("i:1", ZHANG)
        self.reader.put("i:2", LI, xm="李四")
        self.publish("i:1", ZHANG)
        self.publish("i:2", LI)

    def publish(self, key: str, identifier: str) -> None:
        self.records.publish(RESOURCE, SCHEME, Handles.RANDOM, [Seen(key, identifier, b"d", 0)], listed=True)

    def handle(self, key: str) -> bytes:
        query = "SELECT handle FROM records WHERE key = ?"
        handle: bytes = self.state.reader().execute(query, (key,)).fetchone()[0]
        return handle

    def checked(
        self, handle: bytes, subject: str = ZHANG, *wanted: tuple[str, int], identifier: str = ""
    ) -> CheckedTicket:
        """A ticket that passed the checks."""
        world = self.world
        asked = [
            signed_pb2.RequestItem(resource=RESOURCE, field=name, form=form, necessity=1)  # type: ignore[arg-type]
            for name, form in wanted or (NAME_VALUE, BIRTH_YEAR)
        ]
        request = world.request(subject, items=asked, request_id=str(next(self.numbers)))
        ask = world.ask(handle, request=request, items=items(*wanted or (NAME_VALUE, BIRTH_YEAR)))
        ask.identifier = identifier
        checks = TicketChecks(
            who=Identity(str(NODE), b"S" * 16),
            trust=world.trust,
            codec=world.codec,
            agreements=AgreementBook(
                world.folder / "agreements", "civil", world.provider_key.verify_key.fingerprint, world.clock
            ),
            resources={RESOURCE: self.resource},
            rules=DepartmentRules(),
            limits=Limits(),
            used=UsedTickets([]),
            uses=AgreementUses(lambda _agreement, _day: (0, 0)),
            consents=self.book,
        )
        result = checks.check(world.send(ask)[0], world.clock.at_ms)
        assert isinstance(result, CheckedTicket), result
        return result

    def prepare(self, *tickets: CheckedTicket) -> list[Prepared]:
        releaser = Releaser(
            resource=self.resource,
            connector=self.reader,
            records=self.records,
            withheld=self.withheld,
            guesses=Guesses(self.state, GuessLimits()),
            codec=self.world.codec,
            sign=lambda bodies: sign_batch(self.world.receipt_key, RECEIPTS, b"scope", bodies),
            now_ms=self.world.clock.now_ms,
            proofs=ConsentProofs((), Proof.REQUIRED),
        )
        return releaser.prepare(tickets)

    def answer(self, ticket: CheckedTicket) -> tuple[signed_pb2.AnswerBody, list[str]]:
        [prepared] = self.prepare(ticket)
        return self.open(ticket, prepared), outcomes(prepared.released)

    def open(self, ticket: CheckedTicket, prepared: Prepared) -> signed_pb2.AnswerBody:
        ask = Ask(ticket.ask.request, b"", ticket.ask.ticket, ticket.ask.requester_keys, b"", ticket.ask.promise)
        return self.world.open(ask, prepared.released)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    world = World(tmp_path / "home")
    file = tmp_path / "resources.toml"
    file.write_text(RESOURCES_TOML)
    state = open_state(tmp_path / "node.sqlite")
    yield Kit(world, state, load_offer(file, "civil", {}).resources[RESOURCE])
    state.close()


FORMS = [
    (("name", 4), {"xm": " 张三丰 "}, "张三丰", "RELEASED"),
    (("name", 3), {"xm": "张三丰"}, "张**", "RELEASED"),
    (("name", 1), {"xm": "张三丰"}, "true", "RELEASED"),
    (("name", 1), {"xm": " "}, "false", "RELEASED"),
    (("name", 4), {"xm": ""}, None, "NO_VALUE"),
    (("name", 4), {"xm": None}, None, "NO_VALUE"),
    (("name", 4), {"xm": "长" * 67}, None, "SOURCE_ERROR"),
    (("name", 4), {"xm": "长" * 66}, "长" * 66, "RELEASED"),
    (("name", 4), {"xm": "长" * 20_000}, None, "SOURCE_ERROR"),
    (("name", 4), {"xm": "\ud800"}, None, "SOURCE_ERROR"),
    (("birth_date", 4), {"csrq": "1990年3月7日"}, "1990-03-07", "RELEASED"),
    (("birth_date", 4), {"csrq": "１９９００３０７"}, "1990-03-07", "RELEASED"),
    (("birth_date", 2), {"csrq": "1990-03-07"}, "1990", "RELEASED"),
    (("birth_date", 2), {"csrq": "1990-02-30"}, None, "SOURCE_ERROR"),
    (("sex", 4), {"xb": "2"}, "女", "RELEASED"),
    (("sex", 4), {"xb": "9"}, None, "SOURCE_ERROR"),
    (("sex", 4), {"xb": ""}, None, "NO_VALUE"),
    (RECORD, {}, "true", "RELEASED"),
]


@pytest.mark.parametrize(("item", "values", "text", "outcome"), FORMS, ids=range(len(FORMS)))
def test_forms_of_a_value(
    kit: Kit, item: tuple[str, int], values: dict[str, str | None], text: str | None, outcome: str
) -> None:
    kit.reader.put("i:1", ZHANG, **values)
    answer, told = kit.answer(kit.checked(kit.handle("i:1"), ZHANG, item))
    assert texts(answer) == [text]
    assert told == [outcome]


def test_an_answer_says_type_source_and_age(kit: Kit) -> None:
    answer, _ = kit.answer(kit.checked(kit.handle("i:1")))
    first = answer.fields[0]
    assert (first.field, first.form, first.data_type, first.source) == ("name", 4, "string", "government_verified")
    assert first.as_of_unix_ms == 1_767_312_000_000
    kit.reader.put("i:1", ZHANG, updated_at="sometime")
    answer, _ = kit.answer(kit.checked(kit.handle("i:1")))
    assert [item.as_of_unix_ms for item in answer.fields] == [0, 0]


def test_the_receipt_binds_ticket_request_ciphertext_and_disclosure(kit: Kit) -> None:
    ticket = kit.checked(kit.handle("i:1"))
    [prepared] = kit.prepare(ticket)
    receipt = signed_pb2.ReceiptBody.FromString(prepared.released.receipt)
    assert receipt.ticket_digest == digest(ticket.ask.ticket) == prepared.released.ticket_digest
    assert receipt.request_digest == digest(ticket.ask.request)
    assert receipt.ciphertext_digest == digest(prepared.released.sealed)
    assert receipt.disclosure_digest == digest(prepared.released.disclosure)
    assert (receipt.node, receipt.resource, receipt.released_unix_ms) == (str(NODE), RESOURCE, kit.world.clock.at_ms)
    salts = {signed_pb2.Disclosure.FromString(p.released.disclosure).salt for p in kit.prepare(ticket, ticket)}
    assert len(salts) == 2
    kept = prepared.kept
    assert (kept.consumer, kept.system, kept.agreement, kept.revision) == (
        "education",
        "counter",
        "civil-education-1",
        1,
    )


def nothing(kit: Kit, case: str) -> tuple[CheckedTicket, str]:
    """A ticket that gives nothing, for one of the reasons there are, and what the ledger is told."""
    match case:
        case "unknown handle":
            return kit.checked(b"?" * 16, NOBODY), "NO_RECORD"
        case "another's record":
            return kit.checked(kit.handle("i:2"), ZHANG), "SUBJECT_MISMATCH"
        case "identifier changed since it was published":
            kit.reader.put("i:1", NOBODY)
            return kit.checked(kit.handle("i:1")), "SUBJECT_MISMATCH"
        case "identifier unreadable now":
            kit.reader.put("i:1", "not an identifier")
            return kit.checked(kit.handle("i:1")), "SUBJECT_MISMATCH"
        case "withheld":
            kit.withheld = frozenset({"1"})
            return kit.checked(kit.handle("i:1")), "WITHHELD"
        case "two records of one subject":
            kit.publish("i:3", ZHANG)
            return kit.checked(kit.handle("i:1")), "NO_RECORD"
        case "gone from the source":
            del kit.reader.rows["i:1"]
            return kit.checked(kit.handle("i:1")), "NO_RECORD"
        case "withdrawn":
            handle = kit.handle("i:1")
            kit.records.withdraw(RESOURCE, ["i:1"], listed=True)
            return kit.checked(handle), "NO_RECORD"
        case "source down":
            kit.reader.down = True
            return kit.checked(kit.handle("i:1")), "SOURCE_ERROR"
    raise AssertionError(case)


NOTHING = [
    "unknown handle",
    "another's record",
    "identifier changed since it was published",
    "identifier unreadable now",
    "withheld",
    "two records of one subject",
    "gone from the source",
    "withdrawn",
    "source down",
]


@pytest.mark.parametrize("case", NOTHING)
def test_whatever_the_reason_nothing_looks_like_nothing(kit: Kit, case: str) -> None:
    found = kit.checked(kit.handle("i:1"))
    [released] = kit.prepare(found)
    shape = [(f.field, f.form, f.data_type, f.source) for f in kit.open(found, released).fields]
    kit.reader.reads.clear()
    ticket, outcome = nothing(kit, case)
    [prepared] = kit.prepare(ticket)
    answer = kit.open(ticket, prepared)
    assert texts(answer) == [None, None]
    assert outcomes(prepared.released) == [outcome] * 2
    # Code, shape, size and work are those of a released answer.
    assert [(f.field, f.form, f.data_type, f.source) for f in answer.fields] == shape
    assert [f.as_of_unix_ms for f in answer.fields] == [0, 0]
    assert len(prepared.released.sealed) == len(released.released.sealed)
    assert [len(keys) for keys in kit.reader.reads] == [1]


@pytest.mark.parametrize("wanted", [(NAME_VALUE,), (RECORD,), (NAME_VALUE, BIRTH_YEAR, ("sex", 4), RECORD)])
def test_the_size_of_an_answer_follows_from_the_ticket_alone(kit: Kit, wanted: tuple[tuple[str, int], ...]) -> None:
    sizes = set()
    for name in ("张", "长" * 66, None, "x" * 5000):
        kit.reader.put("i:1", ZHANG, xm=name)
        [prepared] = kit.prepare(kit.checked(kit.handle("i:1"), ZHANG, *wanted))
        sizes.add(len(prepared.released.sealed))
    expected = answer_length(kit.resource, [OrderedItem(name, list(Form)[form - 1]) for name, form in wanted])
    assert sizes == {expected + OVERHEAD}


def test_a_long_value_where_one_is_allowed_does_not_show_in_the_size(kit: Kit) -> None:
    long_name = replace(kit.resource.fields["name"], max_bytes=3000)
    kit.resource = replace(kit.resource, fields={**kit.resource.fields, "name": long_name})
    sizes = set()
    for name in ("张", "长" * 1000, None):
        kit.reader.put("i:1", ZHANG, xm=name)
        ticket = kit.checked(kit.handle("i:1"), ZHANG, NAME_VALUE)
        [prepared] = kit.prepare(ticket)
        assert texts(kit.open(ticket, prepared)) == [name]
        sizes.add(len(prepared.released.sealed))
    assert sizes == {4096 + OVERHEAD}


def test_a_group_is_read_at_once_and_each_gets_its_own(kit: Kit) -> None:
    tickets = [
        kit.checked(kit.handle("i:1"), ZHANG),
        kit.checked(kit.handle("i:2"), LI),
        kit.checked(b"?" * 16, NOBODY),
        kit.checked(kit.handle("i:1"), LI),
    ]
    prepared = kit.prepare(*tickets)
    assert [texts(kit.open(t, p)) for t, p in zip(tickets, prepared, strict=True)] == [
        ["张三丰", "1990"],
        ["李四", "1990"],
        [None, None],
        [None, None],
    ]
    assert [set(keys) for keys in kit.reader.reads] == [{"i:1", "i:2"}]


def test_a_resource_without_any_record_answers_without_a_read(kit: Kit) -> None:
    kit.records.withdraw(RESOURCE, ["i:1", "i:2"], listed=True)
    answer, told = kit.answer(kit.checked(b"?" * 16, NOBODY))
    assert texts(answer) == [None, None]
    assert told == ["NO_RECORD"] * 2
    assert kit.reader.reads == []


def test_an_unreadable_cell_is_a_source_error_of_that_field_only(kit: Kit) -> None:
    kit.reader.put("i:1", ZHANG, frozenset({"xm"}))
    answer, told = kit.answer(kit.checked(kit.handle("i:1")))
    assert texts(answer) == [None, "1990"]
    assert told == ["SOURCE_ERROR", "RELEASED"]


def test_the_outbox_never_shows_a_source_key(kit: Kit) -> None:
    assert all(b"i:1" not in delta.handle for delta in Outbox(kit.state).pending(0, 10))
