"""What becomes of one field on its way to a department: the pure part of a release, with the decoy.

Rules kept: a field that is not set, restricted, expired, disputed before a department that does not know the mark, or
whose value does not fit the form, has no text; in the place of a field that is not there a decoy is opened, and in the
place of a key that is not there a decoy is unwrapped, so that an empty profile takes as long as a full one. Fails
closed.

It reads nothing from the database: rows and keys are handed in.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.vault import contents, rows
from gateway.vault.contents import Contents
from gateway.vault.fields import DESCRIPTIONS, canonical
from gateway.vault.provenance import FieldStatus, Source
from gateway.vault.views import ReleasedField
from keys.envelope import FieldCipher, Suite
from keys.persons import KEY_SIZE, new_data_key, unwrap_data_key, wrap_data_key
from policies.predicates import Predicate, answer
from policies.release import BadValue, apply_form
from policies.resources import FieldDescription
from policies.vocabulary import FieldMark, Form

_DECOY: Final = "decoy"


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked about a field in the form predicate; the operand is never part of the `repr`."""

    predicate: Predicate
    operand: str = field(default="", repr=False)


class Releasing:
    """Puts fields into the forms that were decided.

    Args:
        clock: Tells whether a field's validity has ended.
        suite: How fields are encrypted, and so the decoy.
    """

    def __init__(self, clock: Clock, suite: Suite) -> None:
        self._clock = clock
        self._decoy_person = secrets.token_bytes(16)
        self._decoy_key = new_data_key()
        self._decoy_kek = secrets.token_bytes(KEY_SIZE)
        self._wrapped_decoy = wrap_data_key(self._decoy_kek, self._decoy_key)
        plaintext = contents.write(Contents("-", Source.USER_PROVIDED, 0, 0))
        self._decoy = self._decoy_cipher().seal(_DECOY, 1, plaintext, suite)

    def __call__(
        self,
        key: FieldCipher | None,
        row: Row[Any] | None,
        code: str,
        form: Form,
        understood: Collection[FieldMark],
        asking: Asking | None = None,
    ) -> ReleasedField:
        """One field for a department; see the module.

        Args:
            key: The person's key; None when there is none.
            row: The field's current row; None when there is none.
            code: Field code.
            form: The form that was decided.
            understood: Marks that the department undertakes to show together with the value.
            asking: With the form predicate, what is asked.

        Raises:
            Refused: UNKNOWN_FIELD.
            KeysError: The row was tampered with.
        """
        described = DESCRIPTIONS.get(code)
        if described is None:
            raise Refused(Code.UNKNOWN_FIELD, "profile field")
        nothing = "false" if form is Form.EXISTS else None
        if key is None or row is None or not rows.opens(key, row):
            self._open_decoy()
            self._answer_decoy(described, asking)
            return ReleasedField(code, form, nothing, described.data_type, 0, "")
        held = rows.entry_of(key, row).contents
        marks = (FieldMark.DISPUTED,) if held.dispute is not None else ()
        if held.status is FieldStatus.RESTRICTED or not set(marks) <= set(understood):
            self._answer_decoy(described, asking)
            return ReleasedField(code, form, nothing, described.data_type, 0, "", outcome="withheld")
        if held.value is None or held.expired(self._clock.now_ms()):
            self._answer_decoy(described, asking)
            return ReleasedField(code, form, nothing, described.data_type, 0, "")
        try:
            if form is Form.PREDICATE and asking is not None:
                text = self._answer(described, held.value, asking)
            else:
                text = apply_form(form, described.data_type, described.mask, held.value)
        except BadValue:
            return ReleasedField(code, form, None, described.data_type, 0, "")
        as_of_ms = held.last_updated_ms or 0
        return ReleasedField(code, form, text, described.data_type, as_of_ms, held.source, marks, "released")

    def all(
        self,
        key: FieldCipher | None,
        held: Mapping[str, Row[Any]],
        items: Iterable[tuple[str, Form]],
        understood: Collection[FieldMark],
        asking: Mapping[str, Asking],
    ) -> list[ReleasedField]:
        """Fields for a department, in the order of the items; see `__call__`.

        Args:
            key: The person's key; None when there is none.
            held: The person's current rows by field.
            items: Field codes and forms.
            understood: See `__call__`.
            asking: By field, what is asked in the form predicate.
        """
        if key is None:
            # The work of unwrapping a person's key, once a release, for a person who has none.
            unwrap_data_key(self._decoy_kek, self._wrapped_decoy)
        return [self(key, held.get(code), code, form, understood, asking.get(code)) for code, form in items]

    def _answer_decoy(self, described: FieldDescription, asking: Asking | None) -> None:
        """The work of an answer where none is given."""
        if asking is not None:
            self._answer(described, _DECOY, asking)

    def _answer(self, described: FieldDescription, value: str, asking: Asking) -> str:
        return answer(
            asking.predicate,
            described.data_type,
            described.mask,
            value,
            now_ms=self._clock.now_ms(),
            operand=_as_kept(described.code, asking.operand),
        )

    def _decoy_cipher(self) -> FieldCipher:
        """Made anew each time, as a person's is."""
        return FieldCipher(self._decoy_key, person_id=self._decoy_person, key_id=1)

    def _open_decoy(self) -> None:
        plaintext = self._decoy_cipher().open(_DECOY, 1, self._decoy)
        contents.read(plaintext, collected_ms=0, updated_ms=0)


def _as_kept(code: str, operand: str) -> str:
    """An operand as the vault would keep it; one that it would not keep equals nothing, as it is."""
    try:
        return canonical(code, operand) if operand else ""
    except Refused:
        return operand
