"""When two values of a field are the same: over the canonical and folded text, in constant time.

Rules kept here: spellings of one value are one (`policies.folding`); digests of equal length are compared, all of them,
so that the time tells nothing of a value. A text that is no value of the field's type is the same as none.
"""

import hashlib
import hmac
from functools import lru_cache

from policies.folding import comparable
from policies.release import BadValue, canonicalise
from policies.vocabulary import DataType, Mask


def is_one_of(
    data_type: DataType, mask: Mask | None, canonical: str, texts: tuple[str, ...], *, fixed: bool = True
) -> bool:
    """Whether a value is one of some texts.

    Args:
        data_type: The field's declared type.
        mask: What kind of text it holds, if the catalogue says so.
        canonical: The value.
        texts: What it is compared with.
        fixed: Whether the texts are an agreement's, so that reading them once is enough; others are not kept.

    Raises:
        BadValue: There is no value.
    """
    mine = _same(data_type, mask, canonical)
    if not mine:
        raise BadValue("there is no value")
    others = _fixed_digests(data_type, mask, texts) if fixed else _digests(data_type, mask, texts)
    equal = [hmac.compare_digest(_digest(mine), other) for other in others]
    return any(equal)


def same_value(data_type: DataType, mask: Mask | None, raw: str | None, other: str | None) -> str:
    """The answer of `same_as` about the values of two records.

    A value that is missing, on either side, is the same as none, and so is one that does not fit the type: who asks
    learns no more of it than of a different one. Both are read and compared whatever they are.

    Args:
        data_type: The field's declared type.
        mask: What kind of text it holds, if the catalogue says so.
        raw: The first record's value; None or blank when there is none.
        other: The second record's.

    Returns:
        "true" or "false".
    """
    mine, theirs = (_text(data_type, mask, text or "") for text in (raw, other))
    equal = hmac.compare_digest(_digest(mine), _digest(theirs))
    return "true" if equal and bool(mine) else "false"


def _digests(data_type: DataType, mask: Mask | None, texts: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(_digest(_text(data_type, mask, text)) for text in texts)


# What agreements hold is read once, or the longest lists would take a millisecond for each record.
_fixed_digests = lru_cache(maxsize=512)(_digests)


def _text(data_type: DataType, mask: Mask | None, text: str) -> str:
    """What is compared with a value; one that is no value of the type is a text that no value gives."""
    try:
        return _same(data_type, mask, canonicalise(data_type, text))
    except BadValue:
        return ""


def _same(data_type: DataType, mask: Mask | None, canonical: str) -> str:
    """One text for equal values."""
    if data_type is DataType.STRING:
        return comparable(mask, canonical)
    if data_type is DataType.DECIMAL and "." in canonical:
        return canonical.rstrip("0").rstrip(".")
    return canonical


def _digest(text: str) -> bytes:
    # A lone surrogate has no UTF-8; a source may hold one.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
