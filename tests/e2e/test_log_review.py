"""An auditor's review at the people's door: the ten questions of docs/audit.md, persons, exports, hostile input."""

import asyncio
import csv
import io
import json
import re
import shlex
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.audit.entries import EntryDraft, Json
from gateway.bootstrap.log_search import SearchTables
from gateway.cli.main import app
from gateway.clock import SystemClock
from oncegate.v1 import audit_pb2
from policies.civil_time import civil_date
from tests.support.city import ALICE, BO, NOBODY, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, Door, RawSystem, bearer, refused
from tests.support.log_book import logged, read

pytestmark = shared_city("e2e-log-review")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
OFFICIAL = "ab" * 32
WHY = "complaint 2026-17"
Filter = audit_pb2.SearchFilter


class Auditor:
    """An auditor at the command line and at the door."""

    def __init__(self, city: City, people: Door, folder: Path) -> None:
        self._city, self._people, self.folder = city, people, folder
        (folder / "ca.pem").write_bytes(city.parts.authority.certificate_pem)
        (folder / "auditor.jwt").write_text(city.token("auditor-1", roles=["auditor"]), encoding="ascii")
        (folder / "person.txt").write_text(ALICE + "\n", encoding="utf-8")
        self.environment = {
            "ONCEGATE_GATEWAY": city.people,
            "ONCEGATE_CA": str(folder / "ca.pem"),
            "ONCEGATE_TOKEN_FILE": str(folder / "auditor.jwt"),
        }

    async def run(self, *words: str, code: int = 0) -> str:
        """`oncegate audit …`; what it printed."""
        result = await asyncio.to_thread(CliRunner().invoke, app, ["audit", *words], env=self.environment)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    async def hits(self, *words: str) -> list[dict[str, str]]:
        """What a search finds."""
        found: list[dict[str, str]] = json.loads(await self.run("search", *words, "--json"))["hits"]
        return found

    async def search(self, wanted: Filter, **more: object) -> audit_pb2.SearchEntriesResponse:
        """A page at the door."""
        token = bearer(self._city.token("auditor-1", roles=["auditor"]))
        request = audit_pb2.SearchEntriesRequest(filter=wanted, **more)  # type: ignore[arg-type]
        response: audit_pb2.SearchEntriesResponse = await self._people.audit.SearchEntries(request, metadata=token)
        return response

    async def refused(self, wanted: Filter, **more: object) -> set[str]:
        """The fields for which a search is refused."""
        return set((await refused(self.search(wanted, **more))).violations)


@pytest.fixture
def auditor(city: City, people: Door, tmp_path: Path) -> Auditor:
    return Auditor(city, people, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def lived_in(city: City, raw: RawSystem) -> AsyncIterator[None]:
    """A city in which something has happened."""
    await raw.fetch(raw.asking(ALICE, items=[NAME, LOCATION], case_reference="2026-0001"))
    await raw.fetch(raw.asking(BO))
    await refused(raw.fetch(raw.asking(ALICE, purpose="marriage_registration")))
    who: dict[str, Json] = {
        "department": "education",
        "system": raw.spiffe,
        "purpose": PURPOSE,
        "legal_basis": "mandate",
        "case": "=HYPERLINK(1)",
        "request_id": "official-1",
        "official": OFFICIAL,
        "emergency": {"reason": "life_at_risk"},
        "items": [{"resource": "civil.resident", "field": "name", "form": "value", "outcome": "released"}],
    }
    await city.parts.ledger.append(EntryDraft("released", who, None))
    await SearchTables(city.parts.ledger, SystemClock()).turn()
    yield


def questions() -> list[tuple[str, list[list[str]]]]:
    """The questions of the page and the commands that answer each."""
    text = PAGE.read_text(encoding="utf-8")
    part = text[text.index("## Ten questions") :]
    part = part[: part.index("\n## ", 3)]
    found = re.findall(r"^\d+\. \*\*(.+?)\*\*\n\n\s*```sh\n(.*?)```", part, re.MULTILINE | re.DOTALL)
    return [(question, [shlex.split(line) for line in block.splitlines() if line.strip()]) for question, block in found]


ANSWERS: Sequence[tuple[str, ...]] = (
    ("civil.resident.name:value=released", "2026-0001"),
    ("released", "civil.resident.name"),
    ("education/school civil.resident.name", "released"),
    ("2026-0001", "housing.property.location"),
    ("PURPOSE_NOT_COVERED", "refused"),
    ("life_at_risk",),
    ("civil.resident.name", "released"),
    ("education-civil-resident",),
    (OFFICIAL,),
    ("person_searched", "log_read"),
)


async def test_the_page_has_ten_questions_with_at_most_two_commands_each() -> None:
    assert len(questions()) == len(ANSWERS) == 10
    assert all(1 <= len(commands) <= 2 for _, commands in questions())


@pytest.mark.parametrize("number", range(10))
async def test_each_of_the_ten_questions_is_answered(auditor: Auditor, number: int) -> None:
    month = civil_date(int(time.time() * 1000)).strftime("%Y-%m")
    year, last = map(int, month.split("-"))
    then = f"{year + last // 12}-{last % 12 + 1:02}"
    words = {
        "tax.income.total": "civil.resident.name",
        "2026-03": month,
        "2026-04": then,
        "person.txt": str(auditor.folder / "person.txt"),
        "OFFICIAL": OFFICIAL,
    }
    said = ""
    for command in questions()[number][1]:
        assert command[:2] == ["oncegate", "audit"]
        given = [words.get(word, word) for word in command[2:]]
        said += await auditor.run(*given, "--json")
    for expected in ANSWERS[number]:
        assert expected in said


async def test_what_is_newer_than_the_index_is_found_at_once(auditor: Auditor, raw: RawSystem) -> None:
    await raw.fetch(raw.asking(BO, case_reference="fresh-1"))
    (hit,) = await auditor.hits("--case", "ｆｒｅｓｈ－１")
    assert (hit["outcome"], hit["case"], hit["agreements"]) == ("released", "fresh-1", "education-civil-resident")


async def test_searching_for_a_person_needs_a_reason_and_the_person_sees_it(
    auditor: Auditor, city: City, people: Door
) -> None:
    assert "--why" in await auditor.run("search", "--person-file", str(auditor.folder / "person.txt"), code=2)
    unexplained = Filter(person={"scheme": "cn.resident-id", "identifier": ALICE})
    assert await auditor.refused(unexplained) == {"why"}
    with logged(city) as book:
        hits = await auditor.hits("--person-file", str(auditor.folder / "person.txt"), "--why", WHY)
    entry = book.only("person_searched")
    assert entry.account["why"] == WHY
    assert ALICE not in (entry.accountability + entry.person).decode()
    pseudonyms = {hit["person"] for hit in hits}
    assert pseudonyms == {(entry.personal or {})["person"]}
    token = bearer(city.token("person", resident=ALICE))
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(page_size=1), metadata=token)
    assert [access.outcome for access in seen.accesses] == ["person_searched"]
    again = await auditor.hits("--pseudonym", pseudonyms.pop(), "--why", WHY)
    # The first of the two searches is itself an entry about the person.
    assert [hit["entry"] for hit in again][-len(hits) :] == [hit["entry"] for hit in hits]


async def test_a_person_of_whom_the_gateway_never_heard_stays_unknown(auditor: Auditor, city: City) -> None:
    with logged(city) as book:
        wanted = Filter(person={"scheme": "cn.resident-id", "identifier": NOBODY, "why": WHY})
        assert not (await auditor.search(wanted)).hits
    assert book.only("person_searched").personal is None


async def test_full_width_digits_of_an_identifier_are_the_same_person(auditor: Auditor) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in ALICE)
    wanted = [Filter(person={"scheme": "cn.resident-id", "identifier": text, "why": WHY}) for text in (ALICE, wide)]
    first, second = [[hit.entry.leaf_index for hit in (await auditor.search(one)).hits] for one in wanted]
    assert second[1:] == first


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Filter(department="*"), "department"),
        (Filter(department="educ%"), "department"),
        (Filter(system="education/*"), "system"),
        (Filter(purpose="school\x00enrolment"), "purpose"),
        (Filter(field="name"), "field"),
        (Filter(resource="civil.resident' or 1=1"), "resource"),
        (Filter(outcome="asked"), "outcome"),
        (Filter(outcome="no_such_kind"), "outcome"),
        (Filter(reason="no case"), "reason"),
        (Filter(official="AB" * 32), "official"),
        (Filter(auditor="x"), "auditor"),
        (Filter(rule="r" * 4_000_000), "rule"),
        (Filter(case_reference="x" * 129), "case_reference"),
        (Filter(case_reference="a\nb"), "case_reference"),
        (Filter(case_reference=f"re {ALICE}"), "case_reference"),
        (Filter(case_reference=f"7{ALICE[:6]} {ALICE[6:14]}-{ALICE[14:]}"), "case_reference"),
        (Filter(case_reference="2026-1", without_case=True), "without_case"),
        (Filter(agreement="../a"), "agreement"),
        (Filter(legal_basis="none"), "legal_basis"),
        (Filter(emergency="LIFE"), "emergency"),
        (Filter(service="a b"), "service"),
        (Filter(from_unix_ms=2, until_unix_ms=1), "until_unix_ms"),
        (Filter(from_unix_ms=-1), "until_unix_ms"),
        (Filter(until_unix_ms=1 << 60), "until_unix_ms"),
        (Filter(person={"why": WHY}), "person.scheme"),
        (Filter(person={"pseudonym": "x", "why": WHY}), "person.pseudonym"),
        (Filter(person={"pseudonym": "0" * 32, "scheme": "cn.resident-id", "why": WHY}), "person"),
        (Filter(person={"scheme": "cn.resident-id", "identifier": "1" * 100_000, "why": WHY}), "subject_identifier"),
        (Filter(person={"scheme": "cn.resident-id", "identifier": ALICE, "why": f"is it {ALICE}?"}), "why"),
        (Filter(person={"scheme": "cn.resident-id", "identifier": ALICE, "why": "why " * 200 + ALICE}), "why"),
    ],
)
async def test_hostile_conditions_are_refused_by_field_and_rule(
    auditor: Auditor, city: City, wanted: Filter, field: str
) -> None:
    with logged(city) as book:
        assert await auditor.refused(wanted) == {field}
    # Nothing that was refused is kept.
    assert ALICE.encode() not in b"".join(entry.accountability for entry in book.entries)


async def test_a_page_of_another_search_is_refused(auditor: Auditor) -> None:
    page = (await auditor.search(Filter(department="education"), page_size=1)).next_page_token
    assert (await auditor.search(Filter(department="education"), page_size=1, page_token=page)).hits
    for wanted, token in (
        (Filter(department="tourism"), page),
        (Filter(), page),
        (Filter(department="education"), "7"),
    ):
        assert await auditor.refused(wanted, page_token=token) == {"page_token"}
    assert await auditor.refused(Filter(), page_size=501) == {"page_size"}


async def test_only_auditors_review_and_every_review_is_on_the_log_first(city: City, people: Door) -> None:
    nobody = bearer(city.token("person", resident=BO))
    calls = (
        lambda token: people.audit.SearchEntries(audit_pb2.SearchEntriesRequest(), metadata=token),
        lambda token: people.audit.GetStatistics(_counted(), metadata=token),
        lambda token: _all(people.audit.ExportEntries(audit_pb2.ExportEntriesRequest(most=1), metadata=token)),
    )
    with logged(city) as book:
        for call in calls:
            assert (await refused(call(nobody))).reason == "NOT_ALLOWED"
    assert not book.entries
    with logged(city) as book:
        for call in calls:
            await call(bearer(city.token("auditor-1", roles=["auditor"])))
    assert [entry.account["what"] for entry in book.entries] == ["search", "statistics", "search export"]


async def _all(stream: object) -> list[audit_pb2.ExportEntriesResponse]:
    return [message async for message in stream]  # type: ignore[attr-defined]


def _counted(**more: object) -> audit_pb2.GetStatisticsRequest:
    given: dict[str, object] = {"dimension": "purpose", "period": "week", "until_unix_ms": int(time.time() * 1000) + 1}
    given |= {"from_unix_ms": int(time.time() * 1000) - 86_400_000}
    return audit_pb2.GetStatisticsRequest(**(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"dimension": "person"}, "dimension"),
        ({"period": "minute"}, "period"),
        ({"department": "%"}, "department"),
        ({"outcome": "x" * 1000}, "outcome"),
        ({"from_unix_ms": 1 << 52}, "until_unix_ms"),
        ({"from_unix_ms": 0}, "until_unix_ms"),
    ],
)
async def test_hostile_counts_are_refused(city: City, people: Door, more: dict[str, object], field: str) -> None:
    token = bearer(city.token("auditor-1", roles=["auditor"]))
    assert set((await refused(people.audit.GetStatistics(_counted(**more), metadata=token))).violations) == {field}


async def test_a_search_is_taken_along_in_three_formats(auditor: Auditor) -> None:
    wanted = ("--department", "education", "--outcome", "released")
    hits = await auditor.hits(*wanted)
    await auditor.run("export", str(auditor.folder / "found.csv"), "--format", "csv", *wanted)
    text = (auditor.folder / "found.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["entry"] for row in rows] == [hit["entry"] for hit in hits]
    assert any(row["case"] == "'=HYPERLINK(1)" for row in rows)
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row.values() if cell)
    await auditor.run("export", str(auditor.folder / "found.jsonl"), "--format", "jsonl", *wanted)
    lines = (auditor.folder / "found.jsonl").read_text(encoding="utf-8").splitlines()
    assert [str(json.loads(line)["leaf_index"]) for line in lines] == [hit["entry"] for hit in hits]
    assert any("question" in json.loads(line) for line in lines)
    ocsf = [json.loads(line) for line in (await auditor.run("export", "-", "--format", "ocsf", *wanted)).splitlines()]
    assert [str(event["metadata"]["sequence"]) for event in ocsf] == [hit["entry"] for hit in hits]
    # Never over a file that is there, and a copy is of the whole log.
    await auditor.run("export", str(auditor.folder / "found.csv"), "--format", "csv", code=2)
    await auditor.run("export", str(auditor.folder / "copy"), *wanted, code=2)


async def test_an_export_ends_where_it_was_told_to_and_says_so(auditor: Auditor) -> None:
    said = await auditor.run("export", str(auditor.folder / "one.csv"), "--format", "csv", "--most", "1", "--json")
    assert json.loads(said) | {"target": ""} == {"target": "", "format": "csv", "entries": 1, "more": True}


async def test_reports_count_week_by_week(auditor: Auditor) -> None:
    for name in ("departments", "purposes", "fields", "refusals", "emergencies"):
        said = json.loads(await auditor.run("report", name, "--json"))
        assert said["rows"], name
        assert said["counted_below"] == said["log_size"]
    text = await auditor.run("report", "refusals", "--csv")
    assert next(iter(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))) == [
        "from",
        "department",
        "reason",
        "outcome",
        "count",
    ]
    shown = await auditor.run("stats", "--by", "purpose", "--per", "day", "--outcome", "released")
    assert PURPOSE in shown
    for times in (("--from", "2026-04", "--until", "2026-03"), ("--from", "soon"), ("--until", "2026-02-30")):
        await auditor.run("stats", *times, code=2)
        await auditor.run("search", *times, code=2)


async def test_the_operator_makes_the_tables_again(auditor: Auditor, city: City) -> None:
    before = [hit["entry"] for hit in await auditor.hits("--department", "education")]
    said = json.loads(await auditor.run("rebuild-search", "--home", str(city.home), "--json"))
    assert said["entries"] <= city.parts.ledger.size()
    assert [hit["entry"] for hit in await auditor.hits("--department", "education")] == before


async def test_no_identifier_is_on_the_log_after_all_this(city: City) -> None:
    kept = b"".join(entry.accountability + entry.person for entry in read(city))
    assert ALICE.encode() not in kept
