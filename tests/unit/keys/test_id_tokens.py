"""What a token says of itself is read in one way or not at all."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.id_tokens import BadIdToken, read_unverified

HEADER = {"alg": "ES256", "kid": "k1", "typ": "JWT"}
CLAIMS = {"iss": "https://id.test", "sub": "someone"}


def part(content: object) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_header_and_claims_are_read_and_no_claim_is_shown() -> None:
    read = read_unverified(f"{part(HEADER)}.{part(CLAIMS)}.signature")
    assert (read.header, read.claims) == (HEADER, CLAIMS)
    assert "someone" not in repr(read)


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (HEADER | {"typ": "logout+jwt"}, CLAIMS),
        *[(HEADER | {name: "x"}, CLAIMS) for name in ("jwk", "jku", "x5c", "x5u", "crit")],
        ('{"alg": "none", "alg": "ES256"}', CLAIMS),
        (HEADER, '{"iss": "a", "iss": "b"}'),
        (HEADER, '{"iss": "a", "cnf": {"x": 1, "x": 2}}'),
        (HEADER, '{"iss": "a", "list": [{"x": 1, "x": 2}]}'),
        (HEADER, '{"exp": NaN}'),
        (HEADER, '{"exp": -Infinity}'),
        (HEADER, []),
        ([], CLAIMS),
        (HEADER, "null"),
        (HEADER, "[" * 100_000),
        (HEADER, "{'iss': 'a'}"),
    ],
)
def test_what_can_be_read_in_two_ways_or_brings_its_own_keys_is_refused(header: object, claims: object) -> None:
    with pytest.raises(BadIdToken):
        read_unverified(f"{part(header)}.{part(claims)}.signature")


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    for token in (text, f"{text}.{text}.{text}", f"{part(HEADER)}.{text}.x"):
        with pytest.raises(BadIdToken):
            read_unverified(token)
