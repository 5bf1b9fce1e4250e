"""Where a field comes from, what the person says about it, and what a department then gets, on each database."""

from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault.profile import ProfileField, ReleasedField, Vault
from gateway.vault.provenance import FieldStatus, Mark, Source, Superseded, UnavailableReason
from gateway.vault.rows import HISTORY_KEPT
from gateway.vault.views import Arrival, Verified
from keys.envelope import seal_field
from keys.errors import BadEnvelope
from keys.persons import unwrap_data_key
from policies.vocabulary import FieldMark, Form
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
OTHER = b"person-2".ljust(16)
OWN, OFFICIAL, NEWER = "13800138000", "13900139000", "13700137000"
VALUE = [("phone", Form.VALUE)]
EVERY_FORM = [("phone", form) for form in (Form.VALUE, Form.MASKED, Form.EXISTS)]
SHOWS_MARKS = frozenset(FieldMark)
FIELDS = SQLModel.metadata.tables["vault_fields"]
HISTORY = SQLModel.metadata.tables["vault_history"]
KEYS = SQLModel.metadata.tables["vault_keys"]


def official(value: str | None = OFFICIAL, **further: Any) -> Verified:
    return Verified(value, "civil", "HZ-77", **further)


def field(vault: Vault, person: bytes = PERSON) -> ProfileField:
    found = vault.field(person, "phone")
    assert found is not None
    return found


def released(vault: Vault, person: bytes = PERSON) -> ReleasedField:
    return vault.release(person, VALUE, SHOWS_MARKS)[0]


def refused_code(call: Any, *arguments: Any) -> Code:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.code


@pytest.mark.domain_check(number=1)
def test_domain_check_1_a_verified_field_is_not_overwritten_by_what_the_person_enters_later(
    vault: Vault, clock: FixedClock
) -> None:
    """Domain check 1: a government-verified field is not overwritten by a later user-provided value."""
    vault.record(PERSON, "phone", official())
    clock.at_ms += 1000
    for attempt in (vault.set_field, vault.set_field):
        assert refused_code(attempt, PERSON, "phone", OWN) is Code.FIELD_NOT_EDITABLE
    assert refused_code(vault.set_field, PERSON, "phone", OFFICIAL) is Code.FIELD_NOT_EDITABLE
    assert refused_code(vault.set_not_applicable, PERSON, "phone") is Code.FIELD_NOT_EDITABLE
    assert refused_code(vault.delete_field, PERSON, "phone") is Code.FIELD_NOT_EDITABLE
    assert (field(vault).value, field(vault).editable) == (OFFICIAL, False)
    assert (released(vault).text, released(vault).source) == (OFFICIAL, "government_verified")
    assert vault.history(PERSON, "phone") == []


def test_a_departments_word_takes_the_place_of_the_persons_and_the_person_sees_both(
    vault: Vault, clock: FixedClock
) -> None:
    own = vault.set_field(PERSON, "phone", OWN)
    clock.at_ms += 1000
    assert vault.record(PERSON, "phone", official(valid_until_ms=clock.at_ms + 5)) is Arrival.TAKEN
    now = field(vault)
    assert (now.value, now.source, now.version, now.collected_ms) == (
        OFFICIAL,
        Source.GOVERNMENT_VERIFIED,
        2,
        own.collected_ms,
    )
    assert (now.source_department, now.source_record, now.verified_ms) == ("civil", "HZ-77", clock.at_ms)
    (before,) = vault.history(PERSON, "phone")
    assert (before.value, before.source, before.status) == (OWN, Source.USER_PROVIDED, FieldStatus.SUPERSEDED)
    assert (before.superseded, before.superseded_ms) == (Superseded.REPLACED_BY_SOURCE, clock.at_ms)


def test_an_age_that_is_not_known_is_not_told_as_one(vault: Vault) -> None:
    vault.record(PERSON, "phone", official())
    assert field(vault).last_updated_ms is None
    assert released(vault).as_of_ms == 0
    vault.record(PERSON, "phone", official(last_updated_ms=7))
    assert released(vault).as_of_ms == 7


def test_of_two_departments_the_newer_record_stands_and_an_older_one_changes_nothing(
    vault: Vault, clock: FixedClock
) -> None:
    vault.record(PERSON, "phone", official(last_updated_ms=clock.at_ms - 100))
    for older in (Verified(NEWER, "post", last_updated_ms=clock.at_ms - 200), Verified(NEWER, "post")):
        assert vault.record(PERSON, "phone", older) is Arrival.KEPT_STRONGER
    assert (field(vault).value, field(vault).version) == (OFFICIAL, 1)
    assert vault.record(PERSON, "phone", Verified(NEWER, "post", last_updated_ms=clock.at_ms)) is Arrival.TAKEN
    assert (field(vault).value, field(vault).source_department) == (NEWER, "post")


def test_an_equal_statement_renews_the_times_and_keeps_the_version(vault: Vault, clock: FixedClock) -> None:
    vault.record(PERSON, "phone", official(last_updated_ms=5))
    clock.at_ms += 50
    assert vault.record(PERSON, "phone", official(last_updated_ms=6, valid_until_ms=9)) is Arrival.TAKEN
    now = field(vault)
    assert (now.version, now.last_updated_ms, now.valid_until_ms, now.verified_ms) == (1, 6, 9, clock.at_ms)
    assert vault.history(PERSON, "phone") == []


def test_a_source_that_is_down_takes_nothing_away_and_one_that_has_nothing_does(vault: Vault) -> None:
    vault.record(PERSON, "phone", official())
    down = official(None, unavailable=UnavailableReason.SOURCE_DOWN)
    assert vault.record(PERSON, "phone", down) is Arrival.KEPT_STRONGER
    assert released(vault).text == OFFICIAL
    vault.record(PERSON, "phone", official(None, unavailable=UnavailableReason.NOT_COLLECTED))
    assert (field(vault).value, field(vault).unavailable) == (None, UnavailableReason.NOT_COLLECTED)
    assert released(vault).text is None
    assert vault.record(OTHER, "phone", down) is Arrival.TAKEN
    assert field(vault, OTHER).unavailable is UnavailableReason.SOURCE_DOWN


@pytest.mark.parametrize(
    ("stated", "path"),
    [
        (Verified(None, "civil"), "value"),
        (Verified(OFFICIAL, "civil", unavailable=UnavailableReason.WITHHELD), "value"),
        (Verified("12", "civil"), "value"),
        (Verified(OFFICIAL, "civil", "a b"), "record"),
        (Verified(OFFICIAL, "civil", last_updated_ms=1 << 50), "last_updated_unix_ms"),
        (Verified(OFFICIAL, "civil", last_updated_ms=9, valid_until_ms=9), "valid_until_unix_ms"),
    ],
)
def test_a_malformed_statement_changes_nothing(vault: Vault, stated: Verified, path: str) -> None:
    with pytest.raises(Refused) as refused:
        vault.record(PERSON, "phone", stated)
    assert [violation.field for violation in refused.value.violations] == [path]
    assert vault.fields(PERSON) == []
    assert refused_code(vault.record, PERSON, "nickname", official()) is Code.UNKNOWN_FIELD


def test_what_does_not_apply_is_kept_and_can_be_changed(vault: Vault) -> None:
    stored = vault.set_not_applicable(PERSON, "phone")
    assert (stored.value, stored.source, stored.unavailable) == (
        None,
        Source.NOT_APPLICABLE,
        UnavailableReason.NOT_APPLICABLE,
    )
    assert vault.set_not_applicable(PERSON, "phone") == stored
    assert vault.release(PERSON, EVERY_FORM) == vault.release(OTHER, EVERY_FORM)
    assert vault.set_field(PERSON, "phone", OWN).version == 2


def test_a_disputed_field_is_released_only_with_its_mark(vault: Vault, clock: FixedClock) -> None:
    vault.record(PERSON, "phone", official())
    disputed = vault.mark(PERSON, "phone", Mark.DISPUTE, "not my number")
    assert (disputed.status, disputed.value) == (FieldStatus.DISPUTED, OFFICIAL)
    assert (released(vault).text, released(vault).marks) == (OFFICIAL, (FieldMark.DISPUTED,))
    without = vault.release(PERSON, EVERY_FORM)
    assert [one.outcome for one in without] == ["withheld"] * 3
    assert [(one.text, one.marks) for one in without] == [(one.text, ()) for one in vault.release(OTHER, EVERY_FORM)]
    since_ms = clock.at_ms
    clock.at_ms += 10
    again = vault.mark(PERSON, "phone", Mark.DISPUTE, "really not")
    assert again.dispute is not None
    assert (again.dispute.reason, again.dispute.since_ms) == ("really not", since_ms)
    assert "really not" not in repr(again)
    assert vault.mark(PERSON, "phone", Mark.WITHDRAW_DISPUTE).status is FieldStatus.ACTIVE
    assert released(vault).marks == ()


def test_a_restricted_field_looks_to_a_department_like_one_that_is_not_set(vault: Vault, clock: FixedClock) -> None:
    vault.set_field(PERSON, "phone", OWN)
    restricted = vault.mark(PERSON, "phone", Mark.RESTRICT)
    assert (restricted.status, restricted.restricted_ms) == (FieldStatus.RESTRICTED, clock.at_ms)
    held, unset = (vault.release(who, EVERY_FORM, SHOWS_MARKS) for who in (PERSON, OTHER))
    assert [(r.text, r.as_of_ms, r.source, r.marks) for r in held] == [
        (r.text, r.as_of_ms, r.source, r.marks) for r in unset
    ]
    assert field(vault).value == OWN
    assert vault.mark(PERSON, "phone", Mark.RELEASE_RESTRICTION).status is FieldStatus.ACTIVE
    assert released(vault).text == OWN


def test_a_restriction_outlives_a_new_value_and_a_dispute_does_not(vault: Vault) -> None:
    vault.record(PERSON, "phone", official())
    vault.mark(PERSON, "phone", Mark.DISPUTE, "wrong")
    vault.mark(PERSON, "phone", Mark.RESTRICT)
    vault.record(PERSON, "phone", official(NEWER))
    assert field(vault).status is FieldStatus.RESTRICTED
    assert released(vault).text is None
    assert vault.mark(PERSON, "phone", Mark.RELEASE_RESTRICTION).status is FieldStatus.ACTIVE
    (before,) = vault.history(PERSON, "phone")
    assert before.dispute is not None
    assert before.dispute.reason == "wrong"


def test_a_restriction_outlives_a_removal(vault: Vault) -> None:
    vault.set_field(PERSON, "phone", OWN)
    since_ms = vault.mark(PERSON, "phone", Mark.RESTRICT).restricted_ms
    vault.delete_field(PERSON, "phone")
    again = vault.set_field(PERSON, "phone", NEWER)
    assert (again.status, again.restricted_ms) == (FieldStatus.RESTRICTED, since_ms)
    assert released(vault).text is None
    vault.delete_field(PERSON, "phone")
    vault.record(PERSON, "phone", official())
    assert released(vault).text is None
    assert vault.mark(PERSON, "phone", Mark.RELEASE_RESTRICTION).status is FieldStatus.ACTIVE
    assert released(vault).text == OFFICIAL


def test_a_removed_field_that_was_restricted_looks_like_any_removed_one(vault: Vault) -> None:
    for who in (PERSON, OTHER):
        vault.set_field(who, "phone", OWN)
    vault.mark(PERSON, "phone", Mark.RESTRICT)
    for who in (PERSON, OTHER):
        vault.delete_field(who, "phone")
    assert vault.fields(PERSON) == []
    assert vault.release(PERSON, EVERY_FORM) == vault.release(OTHER, EVERY_FORM)


def test_a_restriction_that_is_released_brings_the_dispute_back_to_light(vault: Vault) -> None:
    vault.set_field(PERSON, "phone", OWN)
    vault.mark(PERSON, "phone", Mark.DISPUTE, "wrong")
    vault.mark(PERSON, "phone", Mark.RESTRICT)
    assert vault.mark(PERSON, "phone", Mark.RELEASE_RESTRICTION).status is FieldStatus.DISPUTED


@pytest.mark.parametrize("mark", list(Mark))
def test_there_is_nothing_to_say_about_a_field_that_is_not_set(vault: Vault, mark: Mark) -> None:
    assert refused_code(vault.mark, PERSON, "phone", mark, "words") is Code.NOT_FOUND


def test_an_expired_field_is_not_released_and_stays_visible_to_its_person(vault: Vault, clock: FixedClock) -> None:
    vault.record(PERSON, "phone", official(valid_until_ms=clock.at_ms))
    assert released(vault).text == OFFICIAL
    clock.at_ms += 1
    assert vault.release(PERSON, EVERY_FORM) == vault.release(OTHER, EVERY_FORM)
    assert field(vault).value == OFFICIAL


def test_history_is_newest_first_and_bounded(vault: Vault, clock: FixedClock) -> None:
    for number in range(HISTORY_KEPT + 5):
        clock.at_ms += 1
        vault.set_field(PERSON, "phone", f"138001380{number:02d}")
    versions = vault.history(PERSON, "phone")
    assert [past.version for past in versions] == list(range(HISTORY_KEPT + 4, 4, -1))
    assert versions[0].value == f"138001380{HISTORY_KEPT + 3:02d}"
    assert {past.superseded for past in versions} == {Superseded.REPLACED_BY_PERSON}
    assert versions[0].superseded_ms == clock.at_ms
    assert vault.history(OTHER, "phone") == []
    assert refused_code(vault.history, PERSON, "nickname") is Code.UNKNOWN_FIELD


def test_removing_a_field_removes_its_history_and_its_versions_are_not_used_again(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", OWN)
    with engine.connect() as connection:
        old = dict(connection.execute(select(FIELDS)).mappings().one())
    vault.set_field(PERSON, "phone", NEWER)
    vault.delete_field(PERSON, "phone")
    assert vault.history(PERSON, "phone") == []
    assert released(vault) == released(vault, OTHER)
    assert vault.set_field(PERSON, "phone", NEWER).version == 4
    with write_transaction(engine) as connection:
        connection.execute(update(FIELDS).values(envelope=old["envelope"]))
    with pytest.raises(BadEnvelope):
        vault.fields(PERSON)


def test_a_register_that_agrees_makes_a_field_platform_verified_until_the_person_changes_it(
    vault: Vault, clock: FixedClock
) -> None:
    own = vault.set_field(PERSON, "phone", OWN)
    clock.at_ms += 10
    confirmed = vault.confirm(PERSON, "phone", own.version, "telecom")
    assert (confirmed.source, confirmed.verified_ms, confirmed.value) == (Source.PLATFORM_VERIFIED, clock.at_ms, OWN)
    assert (confirmed.source_department, confirmed.last_updated_ms) == ("telecom", own.last_updated_ms)
    assert released(vault).source == "platform_verified"
    assert [past.superseded for past in vault.history(PERSON, "phone")] == [Superseded.CONFIRMED]
    assert vault.set_field(PERSON, "phone", OWN) == confirmed
    assert vault.set_field(PERSON, "phone", NEWER).source is Source.USER_PROVIDED


def test_what_was_compared_and_changed_meanwhile_is_not_confirmed(vault: Vault) -> None:
    own = vault.set_field(PERSON, "phone", OWN)
    vault.set_field(PERSON, "phone", NEWER)
    assert refused_code(vault.confirm, PERSON, "phone", own.version, "telecom") is Code.NOT_FOUND
    vault.record(PERSON, "phone", official())
    assert refused_code(vault.confirm, PERSON, "phone", 3, "telecom") is Code.NOT_FOUND
    assert field(vault).source is Source.GOVERNMENT_VERIFIED


@pytest.mark.parametrize(
    "change", [{"source": "government_verified"}, {"updated_ms": 5}, {"collected_ms": 5}, {"version": 9}]
)
def test_a_column_that_contradicts_what_is_sealed_is_not_believed(
    engine: Engine, vault: Vault, change: dict[str, object]
) -> None:
    vault.set_field(PERSON, "phone", OWN)
    with write_transaction(engine) as connection:
        connection.execute(update(FIELDS).values(change))
    for attempt in (vault.fields, lambda person: vault.release(person, VALUE)):
        with pytest.raises(BadEnvelope):
            attempt(PERSON)


def test_an_earlier_version_cannot_be_put_in_the_place_of_the_current_one(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", OWN)
    vault.set_field(PERSON, "phone", NEWER)
    with write_transaction(engine) as connection:
        past = connection.execute(select(HISTORY)).one()
        connection.execute(update(FIELDS).values(envelope=past.envelope, version=past.version))
    with pytest.raises(BadEnvelope):
        vault.fields(PERSON)


def test_nothing_that_is_about_the_person_is_at_rest_in_the_clear(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", OWN)
    vault.record(PERSON, "phone", official())
    vault.mark(PERSON, "phone", Mark.DISPUTE, "never-mine")
    with engine.connect() as connection:
        rows = [row for table in (FIELDS, HISTORY) for row in connection.execute(select(table)).all()]
    dump = b"".join(bytes(v) if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)
    assert b"government_verified" in dump, "the search must be able to find what is there"
    for secret in (OWN, OFFICIAL, "HZ-77", "never-mine", "civil", "disputed"):
        assert secret.encode() not in dump


def test_a_field_from_before_provenance_was_sealed_is_read_and_takes_part(engine: Engine, vault: Vault) -> None:
    stored = vault.set_field(PERSON, "phone", NEWER)
    with write_transaction(engine) as connection:
        wrapped = connection.execute(select(KEYS.c.wrapped)).scalar_one()
        secret = unwrap_data_key(b"k" * 32, bytes(wrapped))
        bare = seal_field(secret, person_id=PERSON, field="phone", version=1, key_id=1, plaintext=OWN.encode())
        connection.execute(update(FIELDS).values(envelope=bare))
    assert (field(vault).value, field(vault).source, field(vault).last_updated_ms) == (
        OWN,
        Source.USER_PROVIDED,
        stored.updated_ms,
    )
    vault.mark(PERSON, "phone", Mark.DISPUTE, "wrong")
    assert released(vault).marks == (FieldMark.DISPUTED,)


def test_erasing_a_person_removes_the_history_too(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", OWN)
    vault.set_field(PERSON, "phone", NEWER)
    assert vault.erase(PERSON)
    with engine.connect() as connection:
        assert connection.execute(select(HISTORY)).all() == []
    assert vault.history(PERSON, "phone") == []
