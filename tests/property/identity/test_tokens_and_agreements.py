"""Whatever arrives, the answer is a refusal with a code: never another error, never an acceptance."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Code, Refused
from gateway.identity.people import People
from gateway.sharing.agreements import Agreements
from tests.support.parties import ManualClock, Registry, agreement_text, signed
from tests.unit.identity.tokens import Provider

TOKEN_CODES = {Code.BAD_TOKEN, Code.TOKEN_EXPIRED, Code.UNAUTHENTICATED}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with tempfile.TemporaryDirectory() as folder:
        yield Provider(Path(folder), ManualClock())


@pytest.fixture(scope="module")
def people(provider: Provider) -> People:
    return provider.people()


@pytest.fixture(scope="module")
def sharing() -> Iterator[tuple[Agreements, tuple[bytes, bytes, bytes]]]:
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry.create(Path(folder))
        civil, housing = registry.add("civil"), registry.add("housing")
        agreements = Agreements(registry.engine, registry.departments, registry.clock, lambda _: "civil")
        yield agreements, signed(civil, agreement_text(civil, housing))
        registry.close()


def check_refused(people: People, token: str) -> None:
    with pytest.raises(Refused) as refused:
        people.authenticate(token)
    assert refused.value.code in TOKEN_CODES


@given(st.text(max_size=200) | st.lists(st.text("AZaz09-_", max_size=30), min_size=3, max_size=3).map(".".join))
@settings(max_examples=150, deadline=None)
def test_any_text_is_refused_as_a_token(people: People, text: str):
    check_refused(people, text)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "roles", "acr"]), JSON, min_size=1))
@settings(max_examples=150, deadline=None)
def test_odd_claims_under_a_good_signature_are_refused_or_give_no_more_than_the_good_ones(
    provider: Provider, people: People, claims: dict
):
    outcome: Code | None = None
    roles: frozenset[str] = frozenset()
    try:
        roles = people.authenticate(provider.token(**json.loads(json.dumps(claims)))).roles
    except Refused as refused:
        outcome = refused.code
    assert outcome is None or outcome in TOKEN_CODES
    assert roles <= {"citizen"}


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_token_with_one_letter_changed_is_refused(provider: Provider, people: People, data: st.DataObject):
    token = provider.token()
    header, payload, signature = token.split(".")
    # The last letter of a segment carries unused bits, so a change there may mean the same bytes.
    spots = [
        i for i in range(len(token)) if i not in {len(header) - 1, len(header) + 1 + len(payload) - 1, len(token) - 1}
    ]
    spot = data.draw(st.sampled_from(spots))
    letter = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda other: other != token[spot]))
    assert signature
    check_refused(people, token[:spot] + letter + token[spot + 1 :])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_an_agreement_with_one_byte_changed_anywhere_is_refused(sharing, data: st.DataObject):
    agreements, parts = sharing
    part = data.draw(st.integers(0, 2))
    spot = data.draw(st.integers(0, len(parts[part]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != parts[part][spot]))
    changed = [*parts]
    changed[part] = parts[part][:spot] + bytes([byte]) + parts[part][spot + 1 :]
    with pytest.raises(Refused) as refused:
        agreements.add(*changed)
    assert refused.value.code is Code.BAD_SIGNATURE
    assert agreements.list() == ()
