"""What became of a recorded decision: released, silent, refused all the same, broken off, or still open.

A decision says what may be released; whether it was is in the entry that closes it. Rules kept here: what became of an
item is read from that entry and never concluded from the decision; an entry that does not say it leaves it open. Who
may not know whether there is a record is not told it here either: `told` leaves out what the asking system was not
told.

What it does not do: it decides nothing, and it does not ask who wants to know.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.audit.kinds import Kind
from gateway.audit.views import LogEntry
from gateway.errors import PUBLIC, Code
from policies.explain import Ending, Explained, ExplainedItem, Fate
from policies.explain.sentences import reason_words
from policies.reasons import Reason

_SILENT: Final = "silent"
_RELEASED: Final = "released"
_TOLD: Final = frozenset({Reason.NOT_CONNECTED, Reason.NODE_DOWN, Reason.DEADLINE, Reason.BAD_ANSWER})
"""Why a provider is silent, where that depends on its node alone."""


def with_outcome(explained: Explained, deciding: LogEntry, closing: LogEntry | None) -> Explained:
    """A recorded decision with what became of it.

    Args:
        explained: The decision.
        deciding: Its entry: `asked`, or `refused` when it ended there.
        closing: The entry that closes an `asked` one; None while it is open.
    """
    last = closing or deciding
    if last.kind == Kind.ASKED:
        return _each(explained, lambda _code, _item: (Fate.OPEN, ""))
    if last.kind == Kind.RELEASED:
        said = _outcomes(last)
        return _each(explained, lambda code, item: _fate(said, code, item))
    ended = _each(explained, lambda _code, _item: (Fate.NOT_RELEASED, ""))
    return ended if explained.refuses else replace(ended, ending=ending_of(last))


def ending_of(entry: LogEntry) -> Ending:
    """Why a request ended without an answer.

    Args:
        entry: Of the kind `refused` or `abandoned`.
    """
    return ending(str(entry.account.get("reason", "")), broke_off=entry.kind == Kind.ABANDONED)


def ending(code: str, *, broke_off: bool = False) -> Ending:
    """An ending with the public texts of its code, which is a reason's, an error's or something unforeseen.

    Args:
        code: The code.
        broke_off: Whether it broke off by itself.
    """
    public = PUBLIC[Code(code)] if code in set(Code) else None
    zh, en = reason_words(code) if public is None else (public.zh, public.en)
    return Ending(code, zh, en, broke_off)


def told(explained: Explained) -> Explained:
    """The same as far as the asking system was told: what was permitted and did not come has no reason of its own.

    Args:
        explained: With everything that the log says.
    """
    return _each(explained, lambda _code, item: (item.became, item.because if item.because in _TOLD else ""))


def _outcomes(released: LogEntry) -> Mapping[tuple[str, str, str], Mapping[str, Any]]:
    """By resource, field and form, what the entry says of each item."""
    return {(str(item["resource"]), str(item["field"]), str(item["form"])): item for item in released.account["items"]}


def _fate(
    said: Mapping[tuple[str, str, str], Mapping[str, Any]], code: str, item: ExplainedItem
) -> tuple[Fate | None, str]:
    found = said.get((code, item.field, str(item.form)))
    if found is None:
        return Fate.OPEN, ""
    outcome = str(found.get("outcome", ""))
    if outcome == _RELEASED:
        return Fate.RELEASED, ""
    if outcome == _SILENT:
        detail = str(found.get("detail", ""))
        return Fate.SILENT, detail if detail in set(Reason) else str(found.get("reason", ""))
    return Fate.NOT_RELEASED, outcome


def _each(explained: Explained, of: Callable[[str, ExplainedItem], tuple[Fate | None, str]]) -> Explained:
    """The same with a fate for every item that was permitted."""

    def with_fate(code: str, item: ExplainedItem) -> ExplainedItem:
        if not item.released:
            return item
        became, because = of(code, item)
        return replace(item, became=became, because=because)

    resources = (
        replace(one, items=tuple(with_fate(one.code, item) for item in one.items)) for one in explained.resources
    )
    return replace(explained, resources=tuple(resources))
