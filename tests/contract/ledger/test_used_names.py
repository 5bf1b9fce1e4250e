"""What a caller is told whose request id is in the log already: what became of the first call, never a second release."""

import pytest

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused
from gateway.exchange.record import Record
from tests.support.ledgers import DIGEST, asked, released

NAMED = ("spiffe://system\0case-1", DIGEST)


def named() -> EntryDraft:
    draft = asked(1)
    return EntryDraft(draft.kind, draft.accountability, draft.person, draft.request_digest, draft.about, NAMED)


def outcome(kind: str, request: int) -> EntryDraft:
    draft = released(request)
    return EntryDraft(kind, draft.accountability, draft.person, draft.request_digest, draft.about)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("released", Code.ANSWER_EXPIRED),
        ("refused", Code.REQUEST_BROKEN_OFF),
        ("abandoned", Code.REQUEST_BROKEN_OFF),
        ("", Code.REQUEST_UNSETTLED),
    ],
)
async def test_a_repeat_is_told_what_became_of_the_first_call(ledger: SqlLedger, kind: str, told: Code) -> None:
    record = Record(ledger)
    first = await record.write(named())
    await record.write(asked(2))
    if kind:
        await record.write(outcome(kind, first.leaf_index))
    with pytest.raises(Refused) as refused:
        await record.write(named())
    assert refused.value.code is told
    assert (refused.value.retry_after_ms or 0) > 0 if told is Code.REQUEST_UNSETTLED else True


async def test_another_body_under_a_used_name_is_told_nothing_of_the_first(ledger: SqlLedger) -> None:
    record = Record(ledger)
    await record.write(named())
    draft = named()
    other = EntryDraft(draft.kind, draft.accountability, draft.person, b"o" * 32, draft.about, (NAMED[0], b"o" * 32))
    with pytest.raises(Refused) as refused:
        await record.write(other)
    assert refused.value.code is Code.REQUEST_REPLAYED


async def test_an_entry_that_is_no_question_is_its_own_outcome(ledger: SqlLedger) -> None:
    first = await ledger.append(released(7))
    assert ledger.outcome_of(first.leaf_index) == "released"
    with pytest.raises(NoSuchEntry):
        ledger.outcome_of(first.leaf_index + 1)
