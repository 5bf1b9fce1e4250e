"""The real engine with the packaged bundle against a second opinion, and against bundles that lack or fake a guardrail.

Six thousand questions, each decided by Cedar and by a plain reading of docs/policies.md: no difference in decision or
reason. Then every single guardrail is taken away, past the loader's check, or left with a condition that never holds:
each time questions among these show a difference, so that nobody can weaken one without a test that fails.
"""

import json
from collections import Counter
from typing import Any

import cedarpy
import pytest

from policies.engine import BEFORE_CEDAR, GUARDRAILS, AccessQuestion, BadBundle, PolicyEngine
from policies.engine.bundle import PACKAGED, SCHEMA_FILE, Bundle, check_bundle, load_bundle, read_files
from policies.engine.facts import Rules
from policies.purposes import Purposes
from policies.reasons import Reason
from policies.vocabulary import LegalBasis
from tests.support.policy_oracle import BEFORE_ROWS, PURPOSES, ROWS, decisive_rows, second_opinion
from tests.support.policy_purposes import VOCABULARY
from tests.support.policy_questions import questions

NUMBER, MUTATED_WITH = 6000, 60
FILES = read_files(PACKAGED)
PARSED: dict[str, Any] = json.loads(
    cedarpy.policies_to_json_str("\n".join(FILES[name].decode() for name in FILES if name.endswith(".cedar")))
)


@pytest.fixture(scope="module")
def asked() -> list[AccessQuestion]:
    return questions(NUMBER)


def reasons(engine: PolicyEngine, question: AccessQuestion) -> list[Reason | None]:
    return [None if item.allowed else item.reason for item in engine.decide(question).items]


@pytest.mark.long
def test_the_engine_and_a_plain_reading_of_the_page_never_differ(asked: list[AccessQuestion]) -> None:
    engine = PolicyEngine.load(purposes=VOCABULARY)
    told: Counter[Reason | None] = Counter()
    for question in asked:
        expected = second_opinion(question)
        assert reasons(engine, question) == expected, question
        told.update(expected)
    print(
        f"\n{len(asked)} questions, {told.total()} items, no difference: "
        + ", ".join(f"{r or 'released'} {n}" for r, n in told.most_common())
    )
    assert len(asked) >= 5000
    # A test that never meets a reason says nothing about it.
    for reason in (None, *(one for several in BEFORE_CEDAR.values() for one in several), *GUARDRAILS.values()):
        assert told[reason] >= 50, f"{reason} occurs only {told[reason]} times"


def test_the_rows_of_the_second_opinion_are_the_guardrails_in_their_order() -> None:
    assert [(name, reason) for name, _, reason in ROWS] == list(GUARDRAILS.items())
    assert list(BEFORE_ROWS) == list(BEFORE_CEDAR.items())


def mutated(name: str, how: str) -> tuple[Rules, str]:
    """The packaged rules without one guardrail, or with one that never forbids; past the loader's checks."""
    rules = dict(PARSED["staticPolicies"])
    key = next(key for key, rule in rules.items() if rule["annotations"]["id"] == name)
    if how == "removed":
        del rules[key]
    else:
        rules[key] = {**rules[key], "conditions": [{"kind": "when", "body": {"Value": False}}]}
    text = cedarpy.policies_from_json_str(json.dumps({**PARSED, "staticPolicies": rules}))
    return Rules(cedarpy.PolicySet.from_str(text), cedarpy.Schema.from_str(FILES[SCHEMA_FILE].decode())), text


@pytest.mark.parametrize("how", ["removed", "hollowed"])
@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_bundle_that_lacks_or_fakes_one_guardrail_is_noticed_twice(
    asked: list[AccessQuestion], name: str, how: str
) -> None:
    rules, text = mutated(name, how)
    with pytest.raises(BadBundle):
        check_bundle({SCHEMA_FILE: FILES[SCHEMA_FILE], "rules.cedar": text.encode()})
    engine = PolicyEngine(Bundle(rules, "sha256:mutated", {}, VOCABULARY))
    decided_by_it = [question for question in asked if name in decisive_rows(question)]
    differing, released = 0, 0
    for question in decided_by_it[:MUTATED_WITH]:
        expected, got = second_opinion(question), reasons(engine, question)
        differing += expected != got
        released += any(was is not None and now is None for was, now in zip(expected, got, strict=True))
    tried = min(MUTATED_WITH, len(decided_by_it))
    print(f"\n{name} {how}: {differing} of {tried} questions differ, {released} release what must be withheld")
    assert tried >= 30
    # Where the next guardrail that does not hold gives the same reason, there is nothing to notice.
    assert differing * 4 >= tried


class Blind(Purposes):
    """A vocabulary whose check lost one of its reasons."""

    lost: Reason

    def fault(self, code: str, basis: LegalBasis, now_ms: int) -> Reason | None:
        found = super().fault(code, basis, now_ms)
        return None if found is self.lost else found


@pytest.mark.parametrize("lost", BEFORE_CEDAR[PURPOSES])
def test_a_vocabulary_that_forgets_why_a_purpose_does_not_count_is_noticed(
    asked: list[AccessQuestion], lost: Reason
) -> None:
    blind = Blind(VOCABULARY)
    blind.lost = lost
    engine = PolicyEngine(load_bundle(PACKAGED, blind))
    decided_by_it = [question for question in asked if lost in second_opinion(question)][:MUTATED_WITH]
    differing = [question for question in decided_by_it if second_opinion(question) != reasons(engine, question)]
    released = [question for question in differing if None in reasons(engine, question)]
    assert len(decided_by_it) >= 30
    assert differing == decided_by_it
    assert released
