"""The vault's part of an answer: what it asks the vault for, and what it leaves alone."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.errors import Code, Refused
from gateway.exchange.contribute import Contribute
from gateway.vault.views import ReleasedField
from policies.vocabulary import DataType, FieldMark, Form
from tests.support.policy_cases import NOW_MS
from tests.unit.exchange.parts import SUBJECT, Clock, caller, permitted

PHONE, PSEUDONYM = ("phone", Form.VALUE), ("pseudonym", Form.VALUE)
STOOD = (("phone", "released", ()),)


@dataclass
class Source:
    """Releases whatever it is asked for, and keeps what that was."""

    asked: list[list[tuple[str, Form]]] = field(default_factory=list)
    outcome: str = "released"

    def release(
        self, person_id: bytes, items: Iterable[tuple[str, Form]], understood: Collection[FieldMark], asking: Any = None
    ) -> list[ReleasedField]:
        self.asked.append(list(items))
        return [
            ReleasedField(code, form, "x", DataType.STRING, NOW_MS, "", outcome=self.outcome)
            for code, form in self.asked[-1]
        ]


class Derived(Source):
    """Releases pseudonyms."""

    def release(self, person_id: bytes, department: Any, items: Any) -> list[ReleasedField]:
        return super().release(person_id, items, ())


def contributing(vault: Source, pseudonyms: Source) -> Contribute:
    parts: Any = (vault, pseudonyms, lambda: None, None, Clock())
    return Contribute(*parts)


@pytest.mark.parametrize("items", [(PHONE,), (PSEUDONYM,), (PSEUDONYM, PHONE)])
async def test_the_vault_is_asked_for_what_was_entered_only(items: tuple[tuple[str, Form], ...]) -> None:
    vault, pseudonyms = Source(), Derived()
    released = await contributing(vault, pseudonyms)._released(caller(), SUBJECT, permitted(*items))
    assert tuple((one.field, one.form) for one in released) == items
    assert vault.asked == ([[PHONE]] if PHONE in items else [])
    assert pseudonyms.asked == ([[PSEUDONYM]] if PSEUDONYM in items else [])


def test_where_nothing_was_entered_there_is_nothing_to_compare_before_a_repeat() -> None:
    vault = Source()
    contributing(vault, Derived()).unchanged(caller(), SUBJECT, permitted(PSEUDONYM), ())
    contributing(vault, Derived()).unchanged(caller(), SUBJECT, permitted(PHONE), ())
    assert vault.asked == []


def test_a_field_that_stands_otherwise_now_ends_a_kept_answer() -> None:
    vault = Source()
    contribute = contributing(vault, Derived())
    contribute.unchanged(caller(), SUBJECT, permitted(PSEUDONYM, PHONE), STOOD)
    vault.outcome = "withheld"
    with pytest.raises(Refused) as refused:
        contribute.unchanged(caller(), SUBJECT, permitted(PSEUDONYM, PHONE), STOOD)
    assert refused.value.code is Code.ANSWER_EXPIRED
    assert vault.asked == [[PHONE], [PHONE]]
