import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.errors import Code, Refused
from gateway.identity.issuers import BadIssuer, IssuerKeys
from tests.support.parties import ManualClock
from tests.unit.identity.tokens import Provider, small_rsa


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path, ManualClock())


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": ""},
        {"audience": ""},
        {"algorithms": ()},
        {"algorithms": ("none",)},
        {"algorithms": ("ES256", "HS256")},
        {"algorithms": ("es256",)},
        {"max_age_s": 0},
        {"roles": {"x": "superuser"}},
        {"default_role": "king"},
        {"minimum_acr": {"auditer": ("high",)}},
        {"minimum_acr": {"auditor": ()}},
    ],
)
def test_an_issuer_that_would_accept_more_than_meant_is_not_configured(provider: Provider, change: dict):
    with pytest.raises(BadIssuer):
        provider.issuer(**change)


def test_keys_of_all_public_kinds_are_read_and_foreign_ones_left_out(provider: Provider):
    provider.publish(
        [
            ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False),
            OKPKey.generate_key("Ed25519", {"kid": "ed"}).as_dict(private=False),
            RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False),
            ECKey.generate_key("P-256", {"kid": "enc", "use": "enc"}).as_dict(private=False),
            {"kty": "AKP", "kid": "post-quantum", "pub": "AAAA"},
        ]
    )
    keys = IssuerKeys(provider.path)
    assert keys.load() == 3
    assert keys.find("ed", "Ed25519").kid == "ed"
    with pytest.raises(Refused):
        keys.find("enc", "ES256")


BAD_FILES = {
    "no object": lambda _: [1],
    "no list": lambda _: {"keys": {}},
    "no keys": lambda _: {"keys": []},
    "an entry that is no object": lambda _: {"keys": ["x"]},
    "a private key": lambda key: {"keys": [key.as_dict(private=True)]},
    "a shared secret": lambda _: {"keys": [OctKey.generate_key(256, {"kid": "o"}).as_dict(private=True)]},
    "a small RSA key": lambda _: {"keys": [small_rsa().as_dict(private=False)]},
    "one id twice": lambda key: {"keys": [key.as_dict(private=False)] * 2},
    "an id that is no text": lambda key: {"keys": [key.as_dict(private=False) | {"kid": 7}]},
    "a broken key": lambda key: {"keys": [key.as_dict(private=False) | {"x": "AA"}]},
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("make", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_key_file_that_must_not_be_used_is_refused(provider: Provider, make):
    provider.path.write_text(json.dumps(make(provider.key)), encoding="utf-8")
    with pytest.raises(BadIssuer):
        IssuerKeys(provider.path).load()


def test_a_missing_or_broken_or_endless_file_is_refused(provider: Provider):
    with pytest.raises(BadIssuer):
        IssuerKeys(provider.path.with_name("missing.json")).load()
    provider.path.write_text("{", encoding="utf-8")
    with pytest.raises(BadIssuer):
        IssuerKeys(provider.path).load()
    provider.path.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(BadIssuer):
        IssuerKeys(provider.path).load()


def test_a_key_for_another_algorithm_is_not_used(provider: Provider):
    provider.publish([provider.key.as_dict(private=False) | {"alg": "ES384"}])
    with pytest.raises(Refused) as refused:
        provider.people().authenticate(provider.token())
    assert refused.value.code is Code.BAD_TOKEN


def test_a_key_that_is_taken_out_counts_no_more_from_the_next_token_on(provider: Provider):
    people = provider.people()
    token = provider.token()
    people.authenticate(token)
    provider.publish([ECKey.generate_key("P-256", {"kid": "two"}).as_dict(private=False)])
    with pytest.raises(Refused) as refused:
        people.authenticate(token)
    assert refused.value.code is Code.BAD_TOKEN


def test_a_key_that_is_put_in_counts_from_the_next_token_on(provider: Provider):
    people = provider.people()
    new = ECKey.generate_key("P-256", {"kid": "two"})
    provider.publish([key.as_dict(private=False) for key in (provider.key, new)])
    people.authenticate(provider.token())
    people.authenticate(provider.token(header={"kid": "two"}, key=new))


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_a_key_file_that_cannot_be_read_closes_the_issuer_until_it_can(provider: Provider, damage: str):
    people = provider.people()
    good = provider.path.read_text(encoding="utf-8")
    if damage == "gone":
        provider.path.unlink()
    else:
        provider.path.write_text("{", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            people.authenticate(provider.token())
        assert refused.value.code is Code.BAD_TOKEN
    provider.path.write_text(good, encoding="utf-8")
    people.authenticate(provider.token())
