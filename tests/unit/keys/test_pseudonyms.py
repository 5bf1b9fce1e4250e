"""Pseudonyms: stable, one per department and generation, and underivable from each other (domain check 9)."""

import base64
import hashlib
import math
import re

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import BadEnvelope
from keys.pseudonyms import pseudonym

KEY = b"k" * 32
NAMES = st.text("abcdefghij-0123456789", min_size=1, max_size=20)


def test_a_pseudonym_is_the_same_at_every_request_and_easy_to_read_out() -> None:
    assert pseudonym(KEY, "education", 1) == pseudonym(KEY, "education", 1)
    assert re.fullmatch(r"([A-Z2-7]{4}-){7}[A-Z2-7]{4}", pseudonym(KEY, "education", 1))


def test_it_is_what_the_library_derives_by_the_same_standard() -> None:
    info = b"oncegate-pseudonym-v1\x00education\x00" + (7).to_bytes(4, "big")
    raw = HKDF(SHA256(), 20, None, info).derive(KEY)

    assert pseudonym(KEY, "education", 7).replace("-", "") == base64.b32encode(raw).decode()


@pytest.mark.domain_check(number=9)
@given(st.binary(min_size=32, max_size=32), st.lists(st.tuples(NAMES, st.integers(1, 9)), min_size=2, unique=True))
def test_check_9_each_department_and_generation_has_its_own(key: bytes, places: list[tuple[str, int]]) -> None:
    assert len({pseudonym(key, department, generation) for department, generation in places}) == len(places)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, unique=True))
def test_another_data_key_gives_another_pseudonym(keys: list[bytes]) -> None:
    assert len({pseudonym(key, "education", 1) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("key", "department", "generation"),
    [(b"short", "a", 1), (KEY, "", 1), (KEY, "a\x00b", 1), (KEY, "a", 0), (KEY, "a", 1 << 32)],
)
def test_what_could_run_into_another_place_is_refused(key: bytes, department: str, generation: int) -> None:
    with pytest.raises(BadEnvelope):
        pseudonym(key, department, generation)


@pytest.mark.domain_check(number=9)
def test_check_9_two_departments_pseudonyms_are_as_unlike_as_chance_makes_them() -> None:
    """Over 2000 persons each bit of one is equal to the other's in half of the cases, so one tells nothing of the other.

    Per bit the count of agreements is binomial(2000, 1/2), standard deviation 22.4: five of them are allowed, which
    chance exceeds in one run in ten thousand over all 160 bits; keys are fixed, so the run is always the same.
    """
    people = 2000
    agree = [0] * 160
    ones = [0] * 160
    for n in range(people):
        key = hashlib.sha256(b"person %d" % n).digest()
        first, second = (bits(pseudonym(key, department, 1)) for department in ("education", "tourism"))
        for at in range(160):
            agree[at] += (first ^ second) >> at & 1 ^ 1
            ones[at] += first >> at & 1
    for counted in (agree, ones):
        assert all(abs(count - people / 2) < 5 * math.sqrt(people / 4) for count in counted)
        chi_square = sum((count - people / 2) ** 2 / (people / 4) for count in counted)
        assert chi_square < 260, "160 degrees of freedom: 99.9999 % lie below"


def bits(text: str) -> int:
    return int.from_bytes(base64.b32decode(text.replace("-", "")), "big")
