"""The audit office's system asks registers whether an official and a person are related; the gateway hears yes or no."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.audit.views import LogEntry
from gateway.bootstrap.identities import detection_tokens, stored_relations
from gateway.detection.relations import Pair, Relation
from gateway.detection.stored_relations import Wanted
from gateway.detection.tables import RELATIONS
from gateway.storage.database import write_transaction
from nodes.cli.main import app as node_app
from oncegate.v1 import audit_pb2, identity_pb2, profile_pb2, relation_pb2
from tests.support.auditors import OFFICE, PASSPHRASE, AuditOffice, official_token, officials
from tests.support.city import ALICE, BO, CHEN, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, bearer, refused
from tests.support.log_book import logged, read
from tests.support.relation_registers import ASKED, PEOPLE, REGISTER, STAFF, WORKS, fill, same_as

pytestmark = [*shared_city("e2e-relations"), pytest.mark.long]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder = tmp_path_factory.mktemp("city")
    settings = officials(folder) + "[relations]\nquestions_per_day = 40\n"
    running = City(folder, settings=settings)
    try:
        await running.start_gateway()
        running.register_departments()
        civil = await running.make_node("civil", REGISTER)
        columns = (
            "id integer primary key, id_no text, name text, born text, address text, household_id text, surname text"
        )
        people = [(*row, "2026-01-02T03:04:05+00:00") for row in PEOPLE]
        fill(civil.path / "source.db", f"create table residents ({columns}, updated_at text)", people)
        staff = await running.make_node("housing", STAFF)
        fill(staff.path / "source.db", "create table staff (id integer primary key, id_no text, office text)", WORKS)
        await running.enrol("education", "system", "school")
        await running.enrol("data-bureau", "system", "review")
        for department in ("civil", "housing"):
            await running.start_node(department)
            await running.synced(department, 3)
        running.agree("civil", "civil.resident", {"name": ["value"]})
        running.agree("data-bureau", "oncegate.profile", {"phone": ["value"]})
        reviewer = {"consumer": "data-bureau", "system": "review", "purposes": '["access_review"]'}
        running.agree(
            "civil",
            "civil.resident",
            {field: ["predicate"] for field in ASKED},
            predicates=[same_as(field) for field in ASKED],
            **reviewer,
        )
        running.agree("housing", "housing.staff", {"office": ["predicate"]}, predicates=[same_as("office")], **reviewer)
        yield running
    finally:
        await running.close()


class Office(AuditOffice):
    """The audit office with its system and its register of officials."""

    def __init__(self, city: City, folder: Path) -> None:
        super().__init__(city, folder)
        self.key = self.make_key()
        self.put_in_force(self.key)
        register = folder / "officials.csv"
        lines = [f"{OFFICE},{clerk},cn.resident-id,{BO.lower()}\n" for clerk in ("clerk-7", "clerk-10")]
        register.write_text("issuer,subject,scheme,identifier\n" + "".join(lines), encoding="utf-8")
        register.chmod(0o600)

    async def ask(self, *more: str, key: str = "identity.pem", code: int = 0) -> dict[str, int]:
        """`oncegate-node relations run`; how many questions became what."""
        words = ["relations", "run", "--home", str(self.city.member_home("data-bureau", "review"))]
        words += ["--officials", str(self.folder / "officials.csv"), "--identity-key", str(self.folder / key)]
        for field, relation in ASKED.items():
            words += ["--ask", f"{relation}=civil.resident:{field}"]
        words += ["--ask", "colleague=housing.staff:office", "--json", *more]
        environment = {**self.environment, "ONCEGATE_IDENTITY_PASSPHRASE": PASSPHRASE}
        result = await asyncio.to_thread(CliRunner().invoke, node_app, words, env=environment)
        assert result.exit_code == code, result.output
        # What the gateway logs meanwhile, in the same process, stands around it.
        printed = re.search(r"^\{.*?^\}", result.stdout, re.MULTILINE | re.DOTALL)
        found: dict[str, int] = json.loads(printed[0]) if printed else {}
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(city: City, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(city, tmp_path_factory.mktemp("office"))


async def looked_up(city: City, raw: RawSystem, whom: str, official: str = "clerk-7") -> Pair:
    """An official reads somebody's record without a case, and detection wants to know about the two."""
    with logged(city) as book:
        token = official_token(city, official)
        await raw.fetch(
            raw.request(raw.body(whom, items=[("civil.resident", "name", 4)]), typed=whom, official_token=token)
        )
    entry = book.only("released")
    pair = pair_of(entry)
    # As if it had never been asked about: what was answered is not asked again.
    stored_relations(city.parts).erase([pair])
    with write_transaction(city.parts.engine) as connection:
        stored_relations(city.parts).want(connection, [Wanted(pair, entry.leaf_index, 50)])
    return pair


def pair_of(entry: LogEntry) -> Pair:
    assert entry.personal is not None
    return Pair(str(entry.account["official"]), bytes.fromhex(str(entry.personal["person"])))


def known(city: City, pair: Pair) -> set[Relation] | None:
    found = stored_relations(city.parts).known([pair]).get(pair)
    return None if found is None else set(found)


def became(**counts: int) -> dict[str, int]:
    return {"related": 0, "unrelated": 0, "unknown": 0, "later": 0, **counts}


async def test_a_relative_and_a_colleague_are_found_by_yes_and_no_alone(
    city: City, raw: RawSystem, people: Door, office: Office
) -> None:
    alice, chen = await looked_up(city, raw, ALICE), await looked_up(city, raw, CHEN)
    with logged(city) as book:
        assert await office.ask() == became(related=2)
    assert known(city, alice) == {Relation.FAMILY, Relation.SAME_ADDRESS, Relation.SAME_SURNAME}
    assert known(city, chen) == {Relation.COLLEAGUE}
    # Each question: opened, both sides; asked and answered as any fetch; recorded.
    kinds = [kind for kind in book.kinds if kind not in {"identity_sealed", "acknowledged"}]
    assert kinds[0] == "log_read"
    assert kinds[1:] == ["identity_opened", "identity_opened", "asked", "released", "relation_recorded"] * 2
    recorded = [entry for entry in book.entries if entry.kind == "relation_recorded"]
    assert all(b"family" not in entry.accountability for entry in recorded)
    token = bearer(city.token("person", resident=ALICE))
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(page_size=2), metadata=token)
    assert [(one.outcome, one.purpose) for one in seen.accesses] == [
        ("released", "access_review"),
        ("identity_opened", ""),
    ]


async def test_what_was_answered_is_not_asked_again(city: City, office: Office) -> None:
    with logged(city) as book:
        assert await office.ask() == became()
    assert book.kinds == ["log_read"]


async def test_a_read_that_detection_finds_suspicious_is_a_question_by_itself_and_then_an_answer(
    city: City, raw: RawSystem, office: Office
) -> None:
    person = office.folder / "alice.txt"
    person.write_text(ALICE, encoding="utf-8")
    await office.run("watchlist", "add", "--person-file", str(person), "--why", "press interest")
    with logged(city) as book:
        token = official_token(city, "clerk-10")
        body = raw.body(ALICE, items=[("civil.resident", "name", 4)])
        await raw.fetch(raw.request(body, typed=ALICE, official_token=token))
    pair = pair_of(book.only("released"))
    await until(lambda: len(stored_relations(city.parts).wanted(9)) == 1)
    assert await office.ask() == became(related=1)
    assert known(city, pair) == {Relation.FAMILY, Relation.SAME_ADDRESS, Relation.SAME_SURNAME}
    await office.run("watchlist", "remove", "--person-file", str(person), "--why", "no more")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; detection takes a turn every second."""
    for _ in range(150):
        if holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never came to hold")


async def test_nobody_is_named_at_the_gateway_after_a_run(city: City) -> None:
    kept = b"".join(path.read_bytes() for path in city.home.rglob("*") if path.is_file())
    entries = b"".join(entry.accountability + entry.person for entry in read(city))
    for whom in (ALICE, BO, CHEN, "李博文", "clerk-7"):
        assert whom.encode() not in kept + entries


async def test_an_official_whom_the_office_does_not_know_is_settled_and_the_person_is_not_opened(
    city: City, raw: RawSystem, office: Office
) -> None:
    pair = await looked_up(city, raw, ALICE, "clerk-8")
    with logged(city) as book:
        assert await office.ask() == became(unknown=1)
    assert [entry.account["of"] for entry in book.entries if entry.kind == "identity_opened"] == ["official"]
    assert known(city, pair) == set()


async def test_an_official_who_reads_the_own_record_is_nobodys_relative(
    city: City, raw: RawSystem, office: Office
) -> None:
    pair = await looked_up(city, raw, BO)
    with logged(city) as book:
        assert await office.ask() == became(unrelated=1)
    assert "asked" not in book.kinds
    assert known(city, pair) == set()


async def test_a_register_that_is_silent_leaves_out_its_own_relation_and_no_other(
    city: City, raw: RawSystem, office: Office
) -> None:
    pair = await looked_up(city, raw, CHEN)
    await city.stop_node("housing")
    try:
        assert await office.ask() == became(unrelated=1)
    finally:
        await city.start_node("housing")
        await city.synced("housing", 3)
    assert known(city, pair) == set()
    with city.parts.engine.connect() as connection:
        token = detection_tokens(city.parts).pair(pair)
        row = connection.execute(RELATIONS.select().where(RELATIONS.c.pair == token)).one()
    assert row.answered == 2 | 4 | 8


async def test_another_key_learns_nobody_and_settles_nothing_wrong(city: City, raw: RawSystem, office: Office) -> None:
    pair = await looked_up(city, raw, CHEN)
    office.make_key("other.pem")
    assert await office.ask(key="other.pem") == became(unknown=1)
    assert known(city, pair) == set()


async def test_a_pair_of_an_official_who_was_compared_often_enough_today_waits_and_its_person_is_not_opened(
    city: City, raw: RawSystem, office: Office
) -> None:
    said = []
    for _ in range(5):
        await looked_up(city, raw, CHEN)
        said.append(await office.ask())
    assert said[-1] == became(later=1)
    await looked_up(city, raw, ALICE)
    with logged(city) as book:
        assert await office.ask() == became(later=2)
    opened = [entry.account["of"] for entry in book.entries if entry.kind == "identity_opened"]
    assert sorted(opened) == ["official", "official", "person"]
    stored_relations(city.parts).erase(
        [pair_of(e) for e in read(city) if e.kind == "released" and e.account.get("official")]
    )


async def test_only_auditors_ask_open_and_answer(city: City, raw: RawSystem, people: Door, office: Office) -> None:
    pair = await looked_up(city, raw, ALICE)
    token = detection_tokens(city.parts).pair(pair)
    calls = (
        (people.relations.ListRelationQuestions, relation_pb2.ListRelationQuestionsRequest()),
        (
            people.relations.OpenRelationParty,
            relation_pb2.OpenRelationPartyRequest(
                pair=token, whose=identity_pb2.WHOSE_PERSON, key_ids=[office.key.key_id]
            ),
        ),
        (people.relations.RecordRelations, relation_pb2.RecordRelationsRequest(pair=token)),
    )
    with logged(city) as book:
        for call, request in calls:
            for someone in (city.token("person", resident=BO), official_token(city)):
                assert (await refused(call(request, metadata=bearer(someone)))).reason == "NOT_ALLOWED"
            assert (await refused(call(request))).reason == "UNAUTHENTICATED"
    assert book.entries == []


async def test_an_answer_is_taken_once_and_only_to_a_question_that_is_open(
    city: City, people: Door, office: Office
) -> None:
    auditor = bearer(city.token("auditor-1", roles=["auditor"]))
    listed = await people.relations.ListRelationQuestions(relation_pb2.ListRelationQuestionsRequest(), metadata=auditor)
    (question,) = listed.questions
    family = [relation_pb2.RELATION_FAMILY]
    answer = relation_pb2.RecordRelationsRequest(pair=question.pair, answered=family, holds=family)

    async def record(request: relation_pb2.RecordRelationsRequest) -> object:
        return await people.relations.RecordRelations(request, metadata=auditor)

    for bad, field in (
        ({"pair": b"p"}, "pair"),
        ({"answered": [], "holds": family}, "holds"),
        ({"answered": [0]}, "answered"),
        ({"answered": [9]}, "answered"),
        ({"answered": family * 2}, "answered"),
    ):
        request = relation_pb2.RecordRelationsRequest(**{"pair": question.pair, **bad})  # type: ignore[arg-type]
        assert set((await refused(record(request))).violations) == {field}
    made_up = relation_pb2.RecordRelationsRequest(pair=b"m" * 16, answered=family, holds=family)
    assert (await refused(record(made_up))).reason == "QUESTION_NOT_OPEN"
    both = await asyncio.gather(record(answer), record(answer), return_exceptions=True)
    assert sum(isinstance(one, Exception) for one in both) == 1
    assert (await refused(record(answer))).reason == "QUESTION_NOT_OPEN"
    opening = relation_pb2.OpenRelationPartyRequest(
        pair=question.pair, whose=identity_pb2.WHOSE_PERSON, key_ids=[office.key.key_id]
    )
    assert (await refused(people.relations.OpenRelationParty(opening, metadata=auditor))).reason == "QUESTION_NOT_OPEN"


async def test_a_row_that_was_moved_to_another_entry_is_not_believed(
    city: City, raw: RawSystem, office: Office
) -> None:
    pair = await looked_up(city, raw, CHEN, "clerk-9")
    wrong = next(
        e.leaf_index for e in read(city) if e.kind == "released" and e.account.get("official") != pair.official
    )
    with write_transaction(city.parts.engine) as connection:
        stored_relations(city.parts).want(connection, [Wanted(pair, wrong, 99)])
    with logged(city) as book:
        assert await office.ask() == became(later=1)
    assert book.kinds == ["log_read"]
    assert known(city, pair) is None
    stored_relations(city.parts).erase([pair])


async def test_erasing_the_person_removes_what_was_answered(
    city: City, raw: RawSystem, people: Door, office: Office
) -> None:
    reads = [entry for entry in read(city) if entry.kind == "released" and entry.account.get("official")]
    of_alice = {pair_of(e) for e in reads if pair_of(e).person == pair_of(reads[0]).person}
    assert any(known(city, pair) for pair in of_alice)
    token = bearer(city.token("person", resident=ALICE))
    await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=token)
    assert [known(city, pair) for pair in of_alice] == [None] * len(of_alice)
    assert [entry for entry in read(city) if entry.kind == "relation_recorded" and entry.erased_digest]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("issuer,subject,identifier\n", "must begin with"),
        (f"issuer,subject,scheme,identifier\n{OFFICE},clerk-7,cn.resident-id,{NOBODY[:-1]}?\n", "officials[2]"),
        (f"issuer,subject,scheme,identifier\n{OFFICE},clerk-7,cn.unknown,{NOBODY}\n", "officials[2]"),
        (f"issuer,subject,scheme,identifier\n{OFFICE},,cn.resident-id,{NOBODY}\n", "officials[2]"),
        (f"issuer,subject,scheme,identifier\n{(OFFICE + ',a,cn.resident-id,' + NOBODY + chr(10)) * 2}", "officials[3]"),
    ],
)
async def test_a_register_of_officials_that_is_not_right_is_refused_without_its_contents(
    office: Office, text: str, said: str
) -> None:
    register = office.folder / "officials.csv"
    kept = register.read_text(encoding="utf-8")
    register.write_text(text, encoding="utf-8")
    try:
        words = ["relations", "run", "--home", "x", "--officials", str(register), "--ask", "family=a.b:c"]
        words += ["--identity-key", str(office.folder / "identity.pem")]
        result = await asyncio.to_thread(CliRunner().invoke, node_app, words, env=office.environment)
    finally:
        register.write_text(kept, encoding="utf-8")
    assert result.exit_code == 2
    assert said in result.output
    assert NOBODY[:-1] not in result.output
