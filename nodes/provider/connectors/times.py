"""When a record changed, out of what a source's column says."""

from datetime import datetime, timezone
from typing import Final

UNKNOWN_MS: Final = 0
_SECONDS, _MILLISECONDS = 10, 13
"""Digits of a Unix time in seconds (2001 to 2286) and in milliseconds."""


def updated_ms(text: str | None, utc_offset: timezone) -> int:
    """Unix milliseconds of a time as text.

    Args:
        text: ISO 8601 (also with `/`), a Unix time of 10 digits (seconds) or 13 (milliseconds); None when empty.
        utc_offset: Of a time that carries none.

    Returns:
        Unix ms, or 0 for what is not understood: then the age is unknown, not fresh.
    """
    if not text or not text.isascii():
        return UNKNOWN_MS
    text = text.strip()
    if text.isdigit() and len(text) in (_SECONDS, _MILLISECONDS):
        return int(text) * (1000 if len(text) == _SECONDS else 1)
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return UNKNOWN_MS
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=utc_offset)
    return max(UNKNOWN_MS, int(aware.timestamp() * 1000))
