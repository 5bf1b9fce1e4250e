"""Turns checked tickets into sealed answers: find the record, read it, check its subject, apply forms, seal.

Rules kept here: an answer's fields and size follow from the ticket alone. A record that is not there, is about someone
else, is withheld or cannot be read gives the same answer as any other, made by the same steps: in the place of a record
that is not there a decoy is read, its forms are applied, and the result is thrown away. The identifier that counts is
the one in the record as it is read now. Which case it was is said only in the disclosure, for the ledger.
Where a predicate compares with a second person, that one's record is sought and read by the same steps; when it is not
there, withheld or about someone else, the values are not the same.

It runs in a source's thread and decides nothing about tickets: see `checks`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keys.batch import BatchItem
from keys.errors import BadSignature
from keys.sealing import answer_info, padded_length
from keys.signing import digest
from keys.subjects import check_subject
from nodes.errors import SourceFailed
from nodes.provider.checks import CheckedTicket
from nodes.provider.config import ProvidedField, ProvidedResource
from nodes.provider.connectors import Connector, Row, key_text
from nodes.provider.connectors.times import updated_ms
from nodes.provider.consent_proofs import ConsentProofs
from nodes.provider.model import (
    HANDLE_BYTES,
    AnswerContent,
    AnswerField,
    Codec,
    DisclosureContent,
    FieldOutcome,
    ItemOutcome,
    OrderedItem,
    ReceiptContent,
    Released,
)
from nodes.provider.predicate_checks import Asking
from nodes.provider.second_persons import SecondPersons, compared, operands_of
from nodes.provider.state import Guesses, KeptRelease, Records
from nodes.provider.state.guesses import DECOY, Asked
from nodes.provider.state.records import Found
from policies.identifiers import BadIdentifier, normalise
from policies.predicates import WITH_OPERAND, Operator, answer
from policies.release import BadValue, apply_form
from policies.vocabulary import RECORD_FIELD, DataType, Form

SOURCE: Final = "government_verified"
_FIELD_OVERHEAD: Final = 32
"""Most bytes of one AnswerField besides its texts: tags and lengths of seven members, two enums, a 64-bit time."""
_ANSWER_OVERHEAD: Final = 64
"""Most bytes of an AnswerBody besides its fields and resource code: a digest, tags, the padding's tag and length."""
_FORM_BYTES: Final = {Form.EXISTS: 5, Form.PREDICATE: 5, Form.YEAR: 4}

Outcome = tuple[ItemOutcome, str | None]
Sign = Callable[[Sequence[bytes]], Sequence[BatchItem]]
"""Signs receipts, all with one signature."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An answer that may leave as soon as `kept` is durable."""

    checked: CheckedTicket
    released: Released
    kept: KeptRelease


@dataclass(frozen=True, slots=True, eq=False)
class _Sealed:
    """An answer whose receipt is not signed yet."""

    checked: CheckedTicket
    released: Released
    released_ms: int


@dataclass(frozen=True, slots=True)
class _Target:
    """Which record is read for a ticket, and why the result will be thrown away, if so."""

    key: str | None
    verdict: ItemOutcome | None


@dataclass(frozen=True, slots=True)
class _Judged:
    """The record that was read for a ticket, and why nothing of it is released, if so."""

    row: Row | None
    verdict: ItemOutcome | None


class Releaser:
    """Makes the answers of one resource. May be used from several threads.

    Args:
        resource: What is released.
        connector: Reads its records.
        records: Maps handles to records.
        withheld: Keys, as in the source, of records that are never released.
        guesses: Counts predicates.
        codec: Serialises what is sealed and signed.
        sign: Signs the receipts of a group with the node's certified key.
        now_ms: The node's clock.
        proofs: Checks that the person in a record consented.
        random: Gives random bytes for the disclosure's salt.
    """

    def __init__(
        self,
        *,
        resource: ProvidedResource,
        connector: Connector,
        records: Records,
        withheld: frozenset[str],
        guesses: Guesses,
        codec: Codec,
        sign: Sign,
        now_ms: Callable[[], int],
        proofs: ConsentProofs,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._resource = resource
        self._connector = connector
        self._records = records
        self._withheld = withheld
        self._guesses = guesses
        self._codec = codec
        self._sign = sign
        self._now_ms = now_ms
        self._proofs = proofs
        self._random = random
        self._second = SecondPersons(resource, records)

    def prepare(self, tickets: Sequence[CheckedTicket]) -> list[Prepared]:
        """Makes the answers to a group of tickets with one look-up and one read.

        Args:
            tickets: At most 256, all for this resource.

        Returns:
            One answer per ticket, in order; nothing is durable yet. A source that fails gives answers too.
        """
        targets = self._targets(tickets)
        seconds = {place: self._target(self._second.find(operand)) for place, operand in operands_of(tickets).items()}
        wanted = [target.key for target in (*targets, *seconds.values())]
        keys = list(dict.fromkeys(key for key in wanted if key is not None))
        rows: Mapping[str, Row] | None
        try:
            rows = self._connector.read_many(keys) if keys else {}
        except SourceFailed:
            rows = None
        judged = [self._judged(checked, target, rows) for checked, target in zip(tickets, targets, strict=True)]
        exhausted = self._exhausted(tickets, judged)
        others = self._second.rows(
            tickets, {p: None if one.verdict else one.key for p, one in seconds.items()}, rows or {}
        )
        sealed = [
            self._prepare(checked, one, fields, other)
            for checked, one, fields, other in zip(tickets, judged, exhausted, others, strict=True)
        ]
        receipts = self._sign([one.released.receipt for one in sealed])
        return [
            Prepared(one.checked, one.released, _kept(one, receipt))
            for one, receipt in zip(sealed, receipts, strict=True)
        ]

    def _targets(self, tickets: Sequence[CheckedTicket]) -> list[_Target]:
        code = self._resource.code
        found: list[Found | None]
        if self._resource.description.unlisted:
            found = [self._records.by_identifier(code, checked.ask.subject_identifier) for checked in tickets]
        else:
            by_handle = self._records.by_handle(code, [checked.ticket.handle for checked in tickets])
            found = [by_handle.get(checked.ticket.handle) for checked in tickets]
        return [self._target(one) for one in found]

    def _target(self, found: Found | None) -> _Target:
        code = self._resource.code
        if found is None or not found.unique:
            # No record and no unique match are the same to everyone but the department itself.
            return _Target(self._records.decoy(code, self._random(HANDLE_BYTES)), ItemOutcome.NO_RECORD)
        # Where no decoy is looked for, something else is, in vain: both ways take one hit and one miss.
        self._records.by_handle(code, [self._random(HANDLE_BYTES)])
        return _Target(found.key, ItemOutcome.WITHHELD if key_text(found.key) in self._withheld else None)

    def _judged(self, checked: CheckedTicket, target: _Target, rows: Mapping[str, Row] | None) -> _Judged:
        row = rows.get(target.key) if rows is not None and target.key is not None else None
        verdict = target.verdict
        if rows is None:
            verdict = ItemOutcome.SOURCE_ERROR
        elif row is None:
            verdict = verdict or ItemOutcome.NO_RECORD
        elif not self._about_subject(checked, row):
            verdict = verdict or ItemOutcome.SUBJECT_MISMATCH
        # Whatever was found before, so that it takes the same work.
        if not self._consented(checked, row):
            verdict = verdict or ItemOutcome.WITHHELD
        return _Judged(row, verdict)

    def _exhausted(self, tickets: Sequence[CheckedTicket], judged: Sequence[_Judged]) -> list[frozenset[str]]:
        """Counts the predicates of a group; for each ticket the fields about which too much was asked already.

        What is counted is what would be told: where nothing will be, the same work is done for no record.
        """
        places: list[tuple[int, str]] = []
        asked: list[Asked] = []
        for number, (checked, one) in enumerate(zip(tickets, judged, strict=True)):
            key = DECOY if one.row is None or one.verdict is not None else one.row.key
            for field, asking in checked.asking.items():
                places.append((number, field))
                guess = asking.predicate.operator in WITH_OPERAND
                consumer = checked.consumer.department
                asked.append(Asked(self._resource.code, key, field, consumer, asking.predicate.digest, guess))
                if asking.predicate.operator is Operator.SAME_AS:
                    # By the identifier and not by a record: that there is none must not show in what is exhausted.
                    second = self._second.counted_as(asking.operand)
                    places.append((number, field))
                    asked.append(Asked(self._resource.code, second, field, consumer, asking.predicate.digest, guess))
        allowed = self._guesses.take(asked, self._now_ms())
        refused = [place for place, fine in zip(places, allowed, strict=True) if not fine]
        return [frozenset(field for number, field in refused if number == one) for one in range(len(tickets))]

    def _prepare(
        self, checked: CheckedTicket, judged: _Judged, exhausted: frozenset[str], others: Mapping[str, Row | None]
    ) -> _Sealed:
        row, verdict = judged.row, judged.verdict
        now_ms = self._now_ms()
        outcomes = [
            _outcome(self._resource, item, row, checked.asking.get(item.field), now_ms, others.get(item.field))
            for item in checked.ticket.items
        ]
        outcomes = [
            (ItemOutcome.WITHHELD, None) if item.field in exhausted else outcome
            for item, outcome in zip(checked.ticket.items, outcomes, strict=True)
        ]
        if verdict is not None:
            outcomes = [(verdict, None) for _ in outcomes]
        return self._sealed(checked, outcomes, 0 if verdict else self._changed_ms(row))

    def _changed_ms(self, row: Row | None) -> int:
        """When the source last changed a record, Unix ms; 0 when it does not say, or there is none."""
        return updated_ms(row.values.get(self._resource.updated_column), self._resource.utc_offset) if row else 0

    def _consented(self, checked: CheckedTicket, row: Row | None) -> bool:
        """Whether the person in the record consented, and to records as old as this one. Fails closed."""
        consent = checked.consent
        if consent is None:
            return True
        try:
            raw = "" if row is None else row.values.get(self._resource.subject_column) or ""
            identifier = normalise(self._resource.subject_scheme, raw)
        except BadIdentifier:
            identifier = ""
        holds = self._proofs.holds(checked.ask, consent, checked.agreement, identifier, self._now_ms())
        return holds and consent.covers_time(self._changed_ms(row))

    def _about_subject(self, checked: CheckedTicket, row: Row) -> bool:
        """Whether the record, as it is now, is about the subject that the consumer committed to. Fails closed."""
        scheme = self._resource.subject_scheme
        try:
            canonical = normalise(scheme, row.values.get(self._resource.subject_column) or "")
            check_subject(checked.ask.subject_nonce, scheme, canonical, checked.request.subject_commitment)
        except (BadIdentifier, BadSignature):
            return False
        return True

    def _sealed(self, checked: CheckedTicket, outcomes: Sequence[Outcome], as_of_ms: int) -> _Sealed:
        ticket, code = checked.ticket, self._resource.code
        description = self._resource.description
        fields: list[AnswerField] = []
        for item, (_, text) in zip(ticket.items, outcomes, strict=True):
            field = description.field(item.field)
            data_type = field.data_type if field is not None else DataType.STRING
            fields.append(AnswerField(item.field, item.form, text, data_type, as_of_ms if text else 0, SOURCE))
        plaintext = self._codec.encode_answer(
            AnswerContent(ticket.request_digest, code, tuple(fields)), answer_length(self._resource, ticket.items)
        )
        sealed = checked.recipient.seal(plaintext, answer_info(ticket.request_digest, checked.ticket_digest, code))
        disclosure = self._codec.encode_disclosure(
            DisclosureContent(
                self._random(16),
                tuple(
                    FieldOutcome(item.field, item.form, outcome)
                    for item, (outcome, _) in zip(ticket.items, outcomes, strict=True)
                ),
            )
        )
        released_ms = self._now_ms()
        receipt = self._codec.encode_receipt(
            ReceiptContent(
                ticket_digest=checked.ticket_digest,
                request_digest=ticket.request_digest,
                node=ticket.node,
                resource=code,
                ciphertext_digest=digest(sealed),
                disclosure_digest=digest(disclosure),
                released_ms=released_ms,
            )
        )
        return _Sealed(checked, Released(sealed, receipt, disclosure, checked.ticket_digest), released_ms)


def _kept(one: _Sealed, receipt: BatchItem) -> KeptRelease:
    """What is written about a release before it leaves."""
    checked, ticket, ask = one.checked, one.checked.ticket, one.checked.ask
    return KeptRelease(
        ticket_id=ticket.ticket_id,
        expires_ms=ticket.expires_ms,
        ticket_digest=checked.ticket_digest,
        released_ms=one.released_ms,
        resource=ticket.resource,
        consumer=checked.consumer.department,
        system=checked.consumer.name,
        purpose=ticket.purpose,
        agreement=ticket.agreement_id,
        revision=ticket.agreement_revision,
        use=checked.use,
        session_id=ticket.session_id,
        request=ask.request,
        request_signature=ask.request_signature,
        requester_keys=ask.requester_keys,
        ticket=checked.proof,
        promise=ask.promise,
        disclosure=one.released.disclosure,
        receipt=receipt,
        consent=b"" if checked.consent is None else checked.consent.raw,
        emergency=ticket.emergency,
    )


def answer_length(resource: ProvidedResource, items: Sequence[OrderedItem]) -> int:
    """To how many bytes an answer is padded: a bound over every record there could be, so it tells nothing of this one.

    Args:
        resource: What is released.
        items: The ordered items.

    Returns:
        A step of `padded_length`.
    """
    total = _ANSWER_OVERHEAD + len(resource.code)
    for item in items:
        field = resource.fields.get(item.field)
        longest = DataType.BOOLEAN if field is None else field.description.data_type
        text = _FORM_BYTES.get(item.form, 5) if field is None else _longest_text(field, item.form)
        total += _FIELD_OVERHEAD + len(item.field) + len(longest) + text + len(SOURCE)
    return padded_length(total)


def _longest_text(field: ProvidedField, form: Form) -> int:
    return _FORM_BYTES.get(form, field.max_bytes)


def _outcome(
    resource: ProvidedResource,
    item: OrderedItem,
    row: Row | None,
    asking: Asking | None,
    now_ms: int,
    other: Row | None = None,
) -> Outcome:
    """What becomes of one item of a record, for `same_as` with another person's; never raises."""
    if row is None:
        return ItemOutcome.NO_RECORD, None
    if item.field == RECORD_FIELD:
        return ItemOutcome.RELEASED, "true"
    field = resource.fields[item.field]
    if field.column in row.unreadable:
        return ItemOutcome.SOURCE_ERROR, None
    if item.form is Form.PREDICATE and asking is not None and asking.predicate.operator is Operator.SAME_AS:
        return ItemOutcome.RELEASED, compared(field, row, other)
    raw = row.values.get(field.column)
    blank = raw is None or not raw.strip()
    if not blank and field.values and item.form is not Form.EXISTS:
        raw = field.values.get((raw or "").strip())
        if raw is None:
            return ItemOutcome.SOURCE_ERROR, None
    try:
        described = field.description
        if item.form is Form.PREDICATE and asking is not None:
            predicate, operand = asking.predicate, asking.operand
            text = answer(predicate, described.data_type, described.mask, raw, now_ms=now_ms, operand=operand)
        else:
            text = apply_form(item.form, described.data_type, described.mask, raw)
        fits = len(text.encode()) <= _longest_text(field, item.form)
    except (BadValue, UnicodeEncodeError):
        return (ItemOutcome.NO_VALUE if blank else ItemOutcome.SOURCE_ERROR), None
    return (ItemOutcome.RELEASED, text) if fits else (ItemOutcome.SOURCE_ERROR, None)
