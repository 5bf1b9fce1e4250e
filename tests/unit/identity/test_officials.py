from pathlib import Path

import pytest

from gateway.errors import Code, Refused
from gateway.identity.peers import Peer
from gateway.identity.people import Role
from keys.certificates.spiffe import SpiffeId
from tests.support.parties import DOMAIN, NOW_MS, ManualClock
from tests.unit.identity.tokens import Provider

COUNTER = Peer(SpiffeId(DOMAIN, "civil", "system", "counter"), 1, NOW_MS + 1000)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path, ManualClock())


def official_token(provider: Provider, **changes) -> str:
    claims = {"oncegate_system": str(COUNTER.spiffe), "roles": ["gov-officer"], "resident_id": None}
    return provider.token(**claims | changes)


def code_of(provider: Provider, token: str, peer: Peer = COUNTER, **issuer) -> Code:
    with pytest.raises(Refused) as refused:
        provider.people(**issuer).authenticate_official(token, peer=peer)
    return refused.value.code


def test_an_officials_token_bound_to_the_asking_system_is_accepted(provider: Provider):
    person = provider.people().authenticate_official(official_token(provider), peer=COUNTER)
    assert person.roles == {Role.OFFICER}
    assert person.department == "civil"


@pytest.mark.parametrize(
    "bound_to",
    [
        None,
        "",
        f"spiffe://{DOMAIN}/department/civil/system/archive",
        f"spiffe://{DOMAIN}/department/civil/node/counter",
        [str(COUNTER.spiffe)],
    ],
)
def test_a_token_that_is_bound_to_nothing_or_to_another_system_is_refused(provider: Provider, bound_to: object):
    assert code_of(provider, official_token(provider, oncegate_system=bound_to)) is Code.BAD_TOKEN


def test_a_token_stolen_by_another_system_is_worthless_there(provider: Provider):
    thief = Peer(SpiffeId(DOMAIN, "civil", "system", "archive"), 2, NOW_MS + 1000)
    assert code_of(provider, official_token(provider), thief) is Code.BAD_TOKEN


def test_an_issuer_vouches_only_for_officials_of_its_own_department(provider: Provider):
    tax = Peer(SpiffeId(DOMAIN, "tax", "system", "counter"), 3, NOW_MS + 1000)
    token = official_token(provider, oncegate_system=str(tax.spiffe))
    assert code_of(provider, token, tax) is Code.BAD_TOKEN
    assert code_of(provider, official_token(provider), COUNTER, department="") is Code.BAD_TOKEN


def test_an_officials_token_lives_five_minutes_at_most(provider: Provider):
    now_s = NOW_MS // 1000
    provider.people().authenticate_official(official_token(provider, exp=now_s + 300), peer=COUNTER)
    assert code_of(provider, official_token(provider, exp=now_s + 301)) is Code.BAD_TOKEN


def test_an_officials_token_is_refused_after_five_minutes(provider: Provider):
    token = official_token(provider)
    provider.clock.advance(301_000)
    assert code_of(provider, token) is Code.TOKEN_EXPIRED


def test_a_good_token_of_someone_who_is_no_official_is_not_allowed(provider: Provider):
    assert code_of(provider, official_token(provider, roles=["gov-auditor"])) is Code.NOT_ALLOWED


def test_an_official_without_the_assurance_asked_for_is_not_allowed(provider: Provider):
    strict = {"minimum_acr": {"officer": ("substantial",)}}
    assert code_of(provider, official_token(provider, acr="low"), **strict) is Code.NOT_ALLOWED
    token = official_token(provider, acr="substantial")
    provider.people(**strict).authenticate_official(token, peer=COUNTER)


def test_without_a_token_no_official_is_known(provider: Provider):
    assert code_of(provider, " ") is Code.UNAUTHENTICATED
