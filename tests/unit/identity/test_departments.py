import pytest

from gateway.errors import Code, Refused
from gateway.identity.departments import DepartmentStatus
from tests.support.parties import Registry

FINGERPRINT = "sha256:" + "a" * 64


def code_of(call, *arguments, **keywords) -> Code:
    with pytest.raises(Refused) as refused:
        call(*arguments, **keywords)
    return refused.value.code


def test_a_department_is_found_as_it_was_added(registry: Registry):
    added = registry.departments.add("civil", "民政局", "Civil affairs", FINGERPRINT)
    assert registry.departments.get("civil") == added
    assert added.status is DepartmentStatus.ACTIVE
    assert registry.departments.fingerprint("civil") == FINGERPRINT


def test_departments_are_listed_by_id(registry: Registry):
    for name in ("tax", "civil", "health"):
        registry.add(name)
    assert [department.id for department in registry.departments.list()] == ["civil", "health", "tax"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"department_id": ""}, "id"),
        ({"department_id": "Civil"}, "id"),
        ({"department_id": "9civil"}, "id"),
        ({"department_id": "civil\n"}, "id"),
        ({"department_id": "c" * 64}, "id"),
        ({"name_zh": " "}, "name_zh"),
        ({"name_zh": "民政\u202e局"}, "name_zh"),
        ({"name_en": "x" * 201}, "name_en"),
        ({"key_fingerprint": "sha256:short"}, "key_fingerprint"),
        ({"key_fingerprint": "sha256:" + "A" * 64}, "key_fingerprint"),
    ],
)
def test_a_department_that_breaks_a_rule_is_refused_with_the_field(registry: Registry, changes: dict, field: str):
    values = {"department_id": "civil", "name_zh": "民政局", "name_en": "Civil affairs", "key_fingerprint": FINGERPRINT}
    with pytest.raises(Refused) as refused:
        registry.departments.add(**values | changes)
    assert refused.value.code is Code.BAD_REQUEST
    assert [violation.field for violation in refused.value.violations] == [field]
    assert registry.departments.list() == ()


def test_an_id_is_given_once(registry: Registry):
    registry.add("civil")
    assert code_of(registry.departments.add, "civil", "别的", "Other", FINGERPRINT) is Code.ALREADY_EXISTS


def test_the_id_of_a_revoked_department_is_not_given_again(registry: Registry):
    registry.add("civil")
    registry.departments.revoke("civil", "closed")
    assert code_of(registry.departments.add, "civil", "别的", "Other", FINGERPRINT) is Code.ALREADY_EXISTS


def test_one_key_never_speaks_for_two_departments(registry: Registry):
    civil = registry.add("civil")
    tax = registry.add("tax")
    assert code_of(registry.departments.add, "health", "卫健委", "Health", civil.fingerprint) is Code.ALREADY_EXISTS
    assert code_of(registry.departments.set_key, "tax", civil.fingerprint) is Code.ALREADY_EXISTS
    assert registry.departments.fingerprint("tax") == tax.fingerprint


def test_without_a_registered_key_nothing_of_a_department_is_accepted(registry: Registry):
    registry.departments.add("civil", "民政局", "Civil affairs")
    assert code_of(registry.departments.fingerprint, "civil") is Code.BAD_KEY_CERTIFICATE
    registry.departments.set_key("civil", FINGERPRINT)
    assert registry.departments.fingerprint("civil") == FINGERPRINT


def test_two_departments_may_both_be_without_a_key(registry: Registry):
    registry.departments.add("civil", "民政局", "Civil affairs")
    registry.departments.add("tax", "税务局", "Tax")
    assert len(registry.departments.list()) == 2


def test_a_revoked_department_has_no_key_that_counts_and_gets_no_new_one(registry: Registry):
    registry.add("civil")
    revoked = registry.departments.revoke("civil", "merged into another")
    assert (revoked.status, revoked.reason) == (DepartmentStatus.REVOKED, "merged into another")
    assert code_of(registry.departments.fingerprint, "civil") is Code.DEPARTMENT_REVOKED
    assert code_of(registry.departments.set_key, "civil", FINGERPRINT) is Code.DEPARTMENT_REVOKED


def test_revoking_twice_keeps_the_first_reason(registry: Registry):
    registry.add("civil")
    registry.departments.revoke("civil", "first")
    assert registry.departments.revoke("civil", "second").reason == "first"


def test_an_unknown_department_is_unknown_to_every_question(registry: Registry):
    assert code_of(registry.departments.get, "nobody") is Code.DEPARTMENT_UNKNOWN
    assert code_of(registry.departments.fingerprint, "nobody") is Code.DEPARTMENT_UNKNOWN
    assert code_of(registry.departments.set_key, "nobody", FINGERPRINT) is Code.DEPARTMENT_UNKNOWN
    assert code_of(registry.departments.revoke, "nobody", "reason") is Code.DEPARTMENT_UNKNOWN


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\u202eb", "a\x1b[2J", "\u3164"])
def test_a_revocation_needs_a_reason_that_can_be_recorded(registry: Registry, reason: str):
    registry.add("civil")
    assert code_of(registry.departments.revoke, "civil", reason) is Code.BAD_REQUEST
    assert registry.departments.get("civil").status is DepartmentStatus.ACTIVE


def test_a_change_elsewhere_is_seen_by_the_very_next_question(registry: Registry):
    elsewhere = registry.elsewhere()
    registry.add("civil")
    assert elsewhere.departments.get("civil").id == "civil"
    elsewhere.departments.set_key("civil", FINGERPRINT)
    assert registry.departments.fingerprint("civil") == FINGERPRINT
    elsewhere.departments.revoke("civil", "closed")
    assert code_of(registry.departments.fingerprint, "civil") is Code.DEPARTMENT_REVOKED
    elsewhere.close()
