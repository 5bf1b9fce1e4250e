"""What differs between a decision then and the same question now: a purpose that ended is named as the cause."""

from dataclasses import replace

from policies.engine import PolicyEngine
from policies.explain import Difference, differences, document, sentences
from policies.explain.compare import same_decision
from policies.explain.sentences import difference_sentence
from policies.purposes import PURPOSES, parse_purposes
from policies.tables.files import parse_file
from tests.support.policy_cases_page import TESTS, explained

ROW = parse_file(TESTS / "school-enrolment.decisions.toml").rows[0]
OVER = b'format = "oncegate.purposes/1"\n[school_enrolment]\nretired = 2024-01-01\n'


def test_a_purpose_that_was_retired_since_is_named_as_the_cause() -> None:
    then = explained(PolicyEngine.load(), ROW)
    now = explained(PolicyEngine.load(purposes=parse_purposes(OVER, PURPOSES)), ROW)
    found = differences(then, now)
    assert Difference("purpose", "", "", "active", "PURPOSE_RETIRED") in found
    assert {one.what for one in found} == {"item", "purpose"}
    assert not same_decision(found)
    cause = next(one for one in found if one.what == "purpose")
    assert difference_sentence(cause, "en") == "the purpose as registered: then active, now The purpose is retired."
    assert difference_sentence(cause, "zh") == "用途的登记：当时 在用，现在 该用途已停用。"
    assert "用途须在用且允许以该法律依据办理" in "".join(sentences(now, "zh"))
    assert differences(then, then) == ()


def test_a_purpose_that_is_not_registered_has_no_names() -> None:
    said = replace(explained(PolicyEngine.load(), ROW), purpose="museum_card", purpose_words=None)
    assert "“museum_card”（未登记）" in "".join(sentences(said, "zh"))
    assert '"museum_card" (not registered)' in "".join(sentences(said, "en"))
    assert (document(said)["purpose_zh"], document(said)["purpose_en"]) == ("", "")
