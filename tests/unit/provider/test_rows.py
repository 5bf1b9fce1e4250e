"""Cells as text, keys that keep their type, times of change."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from nodes.provider.connectors.rows import Unreadable, as_text, decode_key, encode_key, key_text
from nodes.provider.connectors.times import updated_ms

ID = UUID("12345678-1234-5678-1234-567812345678")
BEIJING = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        ("", ""),
        ("张三", "张三"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (ID, str(ID)),
        (Decimal("1E+3"), "1000"),
        (1.5, "1.5"),
        (1e21, "1000000000000000000000"),
        (date(1990, 1, 31), "1990-01-31"),
        (datetime(1990, 1, 31), "1990-01-31"),
        (datetime(1990, 1, 31, 8, 30), "1990-01-31T08:30:00"),
        (datetime(1990, 1, 31, tzinfo=UTC), "1990-01-31T00:00:00+00:00"),
    ],
)
def test_cells_become_text(cell: object, text: str | None) -> None:
    assert as_text(cell) == text


@pytest.mark.parametrize("cell", [b"blob", float("nan"), Decimal("Infinity"), [1], object()])
def test_what_cannot_be_text_is_unreadable_and_its_value_is_not_told(cell: object) -> None:
    with pytest.raises(Unreadable, match=r"^not a text, number, date or truth value$"):
        as_text(cell)


@pytest.mark.parametrize("key", [7, -1, "K-7", "张", ID, Decimal("1.50")])
def test_a_key_keeps_its_type(key: object) -> None:
    back = decode_key(encode_key(key))
    assert back == key
    assert type(back) is type(key)
    assert key_text(encode_key(key)) == str(key)


@pytest.mark.parametrize("key", [None, "", "  ", True, 1.5, b"x", Decimal("NaN"), "x" * 511])
def test_a_key_that_names_nothing_is_unreadable(key: object) -> None:
    with pytest.raises(Unreadable):
        encode_key(key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02 03:04:05", 1767294245000),
        ("2026-01-02T03:04:05+00:00", 1767323045000),
        ("2026-01-02T03:04:05.250Z", 1767323045250),
        ("2026/01/02 03:04:05", 1767294245000),
        ("2026-01-02", 1767283200000),
        ("20260102", 1767283200000),
        ("1767323045", 1767323045000),
        ("1767323045250", 1767323045250),
        (" 1767323045 ", 1767323045000),
        ("1890-01-01", 0),
    ],
)
def test_times_of_change_are_understood(text: str, expected: int) -> None:
    assert updated_ms(text, BEIJING) == expected


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-13-01", "１７６７３２３０４５", "12", "二〇二六年"])
def test_a_time_that_is_not_understood_means_age_unknown(text: str | None) -> None:
    assert updated_ms(text, BEIJING) == 0
