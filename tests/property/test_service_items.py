"""Service items over generated requirements and answers, against an oracle that tries every way a silence may end.

The oracle knows neither three values nor lists of results: an application is complete when for every requirement that is
not optional some list has all its evidence; a silence may end as yes or as no, and every way is tried.
"""

from collections.abc import Mapping
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.items import AskedItem
from policies.services import (
    BadService,
    Given,
    Known,
    OnSilence,
    ServiceItem,
    Standing,
    State,
    Status,
    evaluate,
    next_round,
    parse_service,
)
from policies.services.model import Necessity, NoMatch
from policies.vocabulary import DataType, Form
from tests.support.services import Fact, Need, service, service_text

NOW_MS = 1_750_000_000_000
MOST_FACTS = 6
STATUSES = (Status.RELEASED, Status.NOT_AVAILABLE, Status.WITHHELD, Status.SILENT)


@st.composite
def service_items(draw: st.DrawFn) -> ServiceItem:
    """One to six evidence types, one field each, in one to four requirements."""
    codes = [f"e{n}" for n in range(draw(st.integers(1, MOST_FACTS)))]
    facts = {code: Fact([f"f_{code}"], by_hand=draw(st.sampled_from(("", "", "纸质")))) for code in codes}
    needs: dict[str, Need] = {}
    for number in range(draw(st.integers(1, 4))):
        lists: list[list[str]] = []
        for one in draw(
            st.lists(st.lists(st.sampled_from(codes), min_size=1, max_size=3, unique=True), min_size=1, max_size=4)
        ):
            if not any(set(earlier) <= set(one) for earlier in lists):
                lists.append(one)
        necessity = draw(st.sampled_from(("required", "required", "deferrable", "optional")))
        needs[f"r{number}"] = Need(lists, necessity, draw(st.sampled_from(("supplement", "refusal"))))
    return service(facts, needs)


def items_of(item: ServiceItem) -> list[AskedItem]:
    return [one for evidence in item.evidence.values() for one in evidence.items]


def answer(status: Status) -> Given:
    return Given(
        status, Form.VALUE, "x" if status is Status.RELEASED else None, DataType.STRING, source="government_verified"
    )


worlds = service_items().flatmap(
    lambda item: st.tuples(
        st.just(item),
        st.fixed_dictionaries({one: st.sampled_from(STATUSES) for one in items_of(item)}),
        st.sets(st.sampled_from(sorted(item.evidence))),
    )
)


def satisfied(item: ServiceItem, code: str, yes: set[AskedItem], handed: set[str]) -> bool:
    """Whether one requirement has a list of which everything is there."""
    requirement = item.requirement(code)
    assert requirement is not None
    for codes in requirement.lists:
        there = 0
        for name in codes:
            evidence = item.evidence[name]
            by_hand = name in handed and evidence.by_hand is not None
            there += by_hand or all(one in yes for one in evidence.items)
        if there == len(codes):
            return True
    return False


def ways(world: Mapping[AskedItem, Status]) -> list[set[AskedItem]]:
    """Every set of items that may in the end be there."""
    yes = {one for one, status in world.items() if status is Status.RELEASED}
    silent = [one for one, status in world.items() if status is Status.SILENT]
    return [
        yes | {one for one, ends in zip(silent, end, strict=True) if ends}
        for end in product((True, False), repeat=len(silent))
    ]


def oracle(item: ServiceItem, world: Mapping[AskedItem, Status], handed: set[str]) -> tuple[dict[str, Standing], State]:
    standings: dict[str, Standing] = {}
    for one in item.requirements:
        said = {satisfied(item, one.code, way, handed) for way in ways(world)}
        missing = Standing.DEFERRED if one.necessity is Necessity.DEFERRABLE else Standing.MISSING
        standing = Standing.UNKNOWN if len(said) == 2 else Standing.SATISFIED if said == {True} else missing
        standings[one.code] = standing
    needed = {r.code for r in item.requirements if r.necessity is Necessity.REQUIRED}
    wished = {r.code for r in item.requirements if r.necessity is Necessity.DEFERRABLE}
    always = [all(satisfied(item, code, way, handed) for code in needed) for way in ways(world)]
    if any(standings[code] is Standing.MISSING for code in needed):
        return standings, State.INCOMPLETE
    if not all(always):
        return standings, State.UNKNOWN
    whole = all(satisfied(item, code, way, handed) for code in wished for way in ways(world))
    return standings, State.COMPLETE if whole else State.DEFERRED


def known(world: Mapping[AskedItem, Status], handed: set[str]) -> Known:
    return Known({one: answer(status) for one, status in world.items()}, NOW_MS, handed)


@settings(max_examples=200, deadline=None)
@given(worlds)
def test_the_evaluator_says_what_trying_every_way_says(
    world: tuple[ServiceItem, dict[AskedItem, Status], set[str]],
) -> None:
    item, statuses, handed = world
    result = evaluate(item, known(statuses, handed), [one.code for one in item.requirements])
    standings, state = oracle(item, statuses, handed)
    assert {one.requirement.code: one.standing for one in result.requirements} == standings
    assert result.state is state
    for one in result.requirements:
        assert (one.by is not None) == (one.standing is Standing.SATISFIED)


@settings(max_examples=150, deadline=None)
@given(worlds, st.data())
def test_more_evidence_never_makes_a_complete_application_incomplete(
    world: tuple[ServiceItem, dict[AskedItem, Status], set[str]], data: st.DataObject
) -> None:
    item, statuses, handed = world
    before = evaluate(item, known(statuses, handed))
    rank = (State.INCOMPLETE, State.UNKNOWN, State.DEFERRED, State.COMPLETE)
    better = dict(statuses)
    for one in data.draw(st.sets(st.sampled_from(sorted(statuses, key=str)))):
        # Whatever was not released is; a "no" of which nothing is known any more is better than a "no".
        better[one] = (
            Status.RELEASED
            if statuses[one] is Status.RELEASED
            else data.draw(st.sampled_from((Status.RELEASED, Status.SILENT)))
        )
    more = handed | data.draw(st.sets(st.sampled_from(sorted(item.evidence))))
    after = evaluate(item, known(better, more))
    assert rank.index(after.state) >= rank.index(before.state)
    if before.complete:
        assert after.complete


@settings(max_examples=200, deadline=None)
@given(worlds, st.sampled_from(OnSilence))
def test_asking_round_by_round_ends_learns_what_matters_and_asks_for_nothing_else(
    world: tuple[ServiceItem, dict[AskedItem, Status], set[str]], on_silence: OnSilence
) -> None:
    item, statuses, handed = world
    asked: dict[AskedItem, Status] = {}
    for _ in range(len(statuses) + 1):
        before = known(asked, handed)
        wanted = [one.item for one in next_round(item, before, on_silence=on_silence)]
        if not wanted:
            break
        assert not asked.keys() & set(wanted)
        for one in wanted:
            assert _needed(item, one, asked, handed, on_silence)
        asked |= {one: statuses[one] for one in wanted}
    else:
        raise AssertionError("it does not end")
    result = evaluate(item, known(asked, handed))
    whole, state = oracle(item, statuses, handed)
    final = any(
        r.requirement.necessity is Necessity.REQUIRED
        and r.requirement.no_match.then is NoMatch.REFUSAL
        and r.standing is Standing.MISSING
        for r in result.requirements
    )
    for one in result.requirements:
        if one.requirement.necessity is Necessity.OPTIONAL or final:
            continue
        if on_silence is OnSilence.GO_ON or one.standing is not Standing.UNKNOWN:
            assert one.standing is whole[one.requirement.code]
    if final:
        assert result.state is state is State.INCOMPLETE
    elif on_silence is OnSilence.GO_ON:
        assert result.state is state


def _needed(
    item: ServiceItem, one: AskedItem, asked: Mapping[AskedItem, Status], handed: set[str], on_silence: OnSilence
) -> bool:
    """Whether an item is in a list of a requirement whose earlier lists have failed by what is known."""
    for requirement in item.requirements:
        if requirement.necessity is Necessity.OPTIONAL:
            continue
        for codes in requirement.lists:
            open_items = [
                each
                for code in codes
                if code not in handed or item.evidence[code].by_hand is None
                for each in item.evidence[code].items
            ]
            if one in open_items:
                return True
            statuses = {asked.get(each) for each in open_items}
            failed = bool(statuses & {Status.NOT_AVAILABLE, Status.WITHHELD})
            silent = Status.SILENT in statuses and on_silence is OnSilence.GO_ON
            if not failed and not silent:
                break
    return False


FILE = (
    service_text(
        {
            "adult": Fact(["birth_date=age_at_least(18)|year", "name"], by_hand="身份证"),
            "home": Fact(["record=exists"], "housing.property", more="user_provided = true\n"),
            "lease": Fact(by_hand="租赁合同", more='channel = "applicant"\n'),
        },
        {"age": Need([["adult"]]), "residence": Need([["home"], ["lease", "adult"]], "deferrable")},
    )
).encode()
TOKENS = (b"[", b"]", b'"', b"=", b"{", b"}", b"1", b"-1", b"true", b"[[requirements]]\n", b"\xff", b"\n", b".", b"'")
LITERALS = (
    "1",
    "-1",
    "true",
    '""',
    "[]",
    "{}",
    "[[]]",
    '[["adult"]]',
    "[1]",
    "[[1]]",
    "1979-05-27",
    "1.5",
    '"x"',
    "nan",
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_written_into_a_file_is_read_or_refused_with_a_place(data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(FILE)))
        cut = data.draw(st.integers(0, 30))
        raw = FILE[:at] + data.draw(st.sampled_from(TOKENS)) + FILE[at + cut :]
    else:
        lines = FILE.decode().splitlines()
        at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if " = " in line]))
        lines[at] = lines[at].partition(" = ")[0] + " = " + data.draw(st.sampled_from(LITERALS))
        raw = "\n".join(lines).encode()
    refused = refusal(raw)
    if refused is not None:
        assert refused.rule
        assert refused.line is None or 1 <= refused.line <= raw.count(b"\n") + 1


def refusal(raw: bytes) -> BadService | None:
    """Why a file is refused; None when it is read. Anything else goes through."""
    try:
        parse_service(raw)
    except BadService as refused:
        return refused
    return None
