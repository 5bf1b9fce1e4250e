"""From entries of the access log to what detection looks at. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.audit.kinds import Kind
from gateway.audit.views import LogEntry
from gateway.detection.reads import Finding, Read, Review

_READS: Final = frozenset({Kind.RELEASED, Kind.REFUSED, Kind.ABANDONED, Kind.REPLAYED})
_FINDINGS: Final = frozenset(map(str, Finding))
_NONE: Final = -1


def seen_in(entry: LogEntry) -> Read | Review | None:
    """What detection sees in an entry: a request that came to an end, or a word about an emergency; else nothing.

    Args:
        entry: Opened and checked against its leaf hash.
    """
    if entry.pruned_under is not None:
        return None
    if entry.kind in _READS:
        return _read(entry, entry.account)
    if entry.kind in {Kind.EMERGENCY_OVERDUE, Kind.EMERGENCY_REVIEWED}:
        said = entry.account
        found = "overdue" if entry.kind == Kind.EMERGENCY_OVERDUE else _text(said, "outcome")
        asked = said.get("entry")
        if found in _FINDINGS and isinstance(asked, int):
            return Review(entry.leaf_index, entry.time_ms, asked, Finding(found))
    return None


def _read(entry: LogEntry, said: Mapping[str, Any]) -> Read | None:
    system = _text(said, "system")
    if not system:
        # Refused before it was known who asks.
        return None
    asked = said.get("request")
    emergency = said.get("emergency")
    items = said.get("items")
    return Read(
        entry.leaf_index,
        asked if isinstance(asked, int) else _NONE,
        entry.time_ms,
        _text(said, "department"),
        system,
        _text(said, "official"),
        _person(entry),
        _text(said, "purpose"),
        _text(said, "case"),
        entry.kind,
        _text(said, "reason"),
        _text(emergency, "reason") if isinstance(emergency, dict) else "",
        " ".join(sorted({_item(item) for item in items if isinstance(item, dict)})) if isinstance(items, list) else "",
    )


def _person(entry: LogEntry) -> bytes:
    """The random id; empty when there is none or the person part was erased."""
    try:
        return bytes.fromhex(_text(entry.personal or {}, "person"))
    except ValueError:
        return b""


def _item(item: Mapping[str, Any]) -> str:
    return f"{_text(item, 'resource')}.{_text(item, 'field')}:{_text(item, 'form')}"


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
