import base64
import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from gateway.errors import Code, Refused
from gateway.identity.people import BadIssuer, People, Person, Role
from tests.support.parties import ManualClock
from tests.unit.identity.tokens import ISSUER, RESIDENT, SUBJECT_KEY, Provider, confused


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path, ManualClock())


def refusal(people: People, token: str, **keywords) -> Refused:
    with pytest.raises(Refused) as refused:
        people.authenticate(token, **keywords)
    return refused.value


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_good_token_gives_the_person_with_canonical_identifier_and_role(provider: Provider):
    person = provider.people().authenticate(provider.token(resident_id="１１０１０５19491231002x"))
    assert (person.scheme, person.identifier, person.issuer) == ("cn.resident-id", RESIDENT, ISSUER)
    assert person.roles == {Role.CITIZEN}


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "", "  "])
def test_a_token_is_read_with_and_without_the_word_bearer(provider: Provider, prefix: str):
    assert provider.people().authenticate(prefix + provider.token()).identifier == RESIDENT


@pytest.mark.parametrize("nothing", ["", "  "])
def test_without_a_token_nobody_is_known(provider: Provider, nothing: str):
    assert refusal(provider.people(), nothing).code is Code.UNAUTHENTICATED


def test_a_person_has_one_name_in_records_and_issuers_do_not_share_names(provider: Provider, tmp_path: Path):
    (tmp_path / "other").mkdir()
    other = Provider(tmp_path / "other", provider.clock)
    people = People([provider.issuer(), other.issuer(issuer="https://other.test")], provider.clock, SUBJECT_KEY)
    first = people.authenticate(provider.token())
    assert people.authenticate(provider.token()).subject_key == first.subject_key
    assert people.authenticate(provider.token(sub="user-2")).subject_key != first.subject_key
    assert people.authenticate(other.token(iss="https://other.test")).subject_key != first.subject_key


def test_neither_identifier_nor_subject_shows_in_texts(provider: Provider):
    person = provider.people().authenticate(provider.token(sub="user-name-77"))
    assert RESIDENT not in repr(person)
    assert "user-name-77" not in repr(person)
    refused = refusal(provider.people(), provider.token(resident_id="110105194912310021"))
    chain = repr(refused) + str(refused.__cause__) + refused.detail
    assert "110105194912310021" not in chain


BAD_CLAIMS = {
    "wrong issuer": {"iss": "https://evil.test"},
    "issuer is a list": {"iss": [ISSUER]},
    "no issuer": {"iss": None},
    "wrong audience": {"aud": "another-service"},
    "audience list without us": {"aud": ["a", "b"]},
    "no audience": {"aud": None},
    "no expiry": {"exp": None},
    "expiry is text": {"exp": "tomorrow"},
    "no issue time": {"iat": None},
    "issued in the future": {"iat": 1_800_000_100, "exp": 1_800_000_400},
    "not yet valid": {"nbf": 1_800_000_100},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "subject is a number": {"sub": 7},
    "endless subject": {"sub": "x" * 257},
    "identifier is a number": {"resident_id": 110105194912310029},
    "identifier with a wrong check digit": {"resident_id": "110105194912310021"},
    "empty identifier": {"resident_id": ""},
}


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS.keys())
def test_a_token_with_a_claim_that_does_not_hold_is_refused(provider: Provider, claims: dict):
    assert refusal(provider.people(), provider.token(**claims)).code is Code.BAD_TOKEN


def test_an_expired_token_is_told_apart(provider: Provider):
    token = provider.token()
    provider.clock.advance(331_000)
    assert refusal(provider.people(), token).code is Code.TOKEN_EXPIRED


def test_half_a_minute_of_disagreement_between_clocks_is_forgiven(provider: Provider):
    token = provider.token()
    provider.clock.advance(-30_000)
    provider.people().authenticate(token)
    provider.clock.advance(30_000 + 329_000)
    provider.people().authenticate(token)


def test_a_token_that_is_too_old_is_refused_however_long_it_says_it_lives(provider: Provider):
    token = provider.token(exp=1_900_000_000)
    provider.clock.advance(3_631_000)
    assert refusal(provider.people(), token).code is Code.TOKEN_EXPIRED


def test_an_expiry_that_is_no_number_never_counts_as_far_away(provider: Provider):
    # json writes and reads NaN; every comparison with it is false.
    assert refusal(provider.people(), provider.token(exp=float("nan"))).code is Code.BAD_TOKEN


def test_a_door_may_ask_for_an_audience_of_its_own(provider: Provider):
    people = provider.people()
    people.authenticate(provider.token(aud=["oncegate", "audit"]), audience="audit")
    assert refusal(people, provider.token(), audience="audit").code is Code.BAD_TOKEN


def test_a_token_without_signature_is_refused(provider: Provider):
    for algorithm in ("none", "None", "NONE"):
        for signature in ("", "AAAA"):
            token = f"{segment({'alg': algorithm, 'kid': 'one'})}.{segment(provider.claims())}.{signature}"
            assert refusal(provider.people(), token).code is Code.BAD_TOKEN


def test_the_public_key_is_never_taken_as_a_shared_secret(provider: Provider):
    assert refusal(provider.people(), confused(provider)).code is Code.BAD_TOKEN


def test_a_good_signature_by_an_algorithm_that_is_not_named_is_refused(provider: Provider):
    key = ECKey.generate_key("P-384", {"kid": "big"})
    provider.publish([provider.key.as_dict(private=False), key.as_dict(private=False)])
    token = provider.token(header={"alg": "ES384", "kid": "big"}, key=key)
    provider.people(algorithms=("ES256", "ES384")).authenticate(token)
    assert refusal(provider.people(), token).code is Code.BAD_TOKEN


def test_a_token_signed_with_another_key_is_refused(provider: Provider):
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    assert refusal(provider.people(), provider.token(key=stranger)).code is Code.BAD_TOKEN


@pytest.mark.parametrize("kid", ["two", "", None])
def test_a_token_that_names_no_key_of_several_is_refused(provider: Provider, kid: str | None):
    second = ECKey.generate_key("P-256", {"kid": "other"})
    provider.publish([provider.key.as_dict(private=False), second.as_dict(private=False)])
    provider.people().authenticate(provider.token())
    assert refusal(provider.people(), provider.token(header={"kid": kid})).code is Code.BAD_TOKEN


def test_without_a_key_id_the_only_key_is_meant(provider: Provider):
    provider.people().authenticate(provider.token(header={"kid": None}))


def test_an_unknown_key_id_is_not_the_only_key(provider: Provider):
    assert refusal(provider.people(), provider.token(header={"kid": "two"})).code is Code.BAD_TOKEN


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.test/keys"},
        {"x5u": "https://evil.test/cert"},
        {"typ": "logout+jwt"},
        {"typ": "oauth-authz-req+jwt"},
    ],
)
def test_a_token_that_brings_its_own_keys_or_is_of_another_kind_is_refused(provider: Provider, header: dict):
    assert refusal(provider.people(), provider.token(header=header)).code is Code.BAD_TOKEN


def test_a_token_with_its_own_key_inside_is_refused(provider: Provider):
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    token = provider.token(header={"jwk": stranger.as_dict(private=False)}, key=stranger)
    assert refusal(provider.people(), token).code is Code.BAD_TOKEN


def test_a_changed_claim_breaks_the_signature(provider: Provider):
    header, _, signature = provider.token().split(".")
    token = f"{header}.{segment(provider.claims(sub='somebody else'))}.{signature}"
    assert refusal(provider.people(), token).code is Code.BAD_TOKEN


@pytest.mark.parametrize(
    "garbage",
    ["x", "a.b", "a.b.c", "a.b.c.d.e", "..", "密.密.密", "A" * 9000, "e30.e30.e30", "bnVsbA.bnVsbA.AA", "W10.W10.AA"],
)
def test_garbage_is_a_bad_token(provider: Provider, garbage: str):
    assert refusal(provider.people(), garbage).code is Code.BAD_TOKEN


def test_payloads_that_are_no_objects_are_bad_tokens(provider: Provider):
    header = segment({"alg": "ES256", "kid": "one"})
    for payload in ([], "text", 7, None):
        assert refusal(provider.people(), f"{header}.{segment(payload)}.AAAA").code is Code.BAD_TOKEN
    deep = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    assert refusal(provider.people(), f"{header}.{deep}.AAAA").code is Code.BAD_TOKEN


def roles(person: Person) -> set[str]:
    return set(person.roles)


def test_roles_come_from_the_mapping_and_unknown_names_give_none(provider: Provider):
    people = provider.people()
    assert roles(people.authenticate(provider.token(roles=["gov-auditor", "gov-officer", "root"]))) == {
        "auditor",
        "officer",
    }
    assert roles(people.authenticate(provider.token(roles="gov-auditor"))) == {"auditor"}
    # Our own role names mean nothing in a token unless they are mapped.
    assert roles(people.authenticate(provider.token(roles=["operator"]))) == {"citizen"}
    assert roles(people.authenticate(provider.token(roles={"gov-auditor": True}))) == {"citizen"}


def test_a_person_without_an_identifier_is_no_citizen(provider: Provider):
    people = provider.people()
    assert roles(people.authenticate(provider.token(resident_id=None))) == set()
    assert roles(people.authenticate(provider.token(resident_id=None, roles=["person"]))) == set()
    assert people.authenticate(provider.token(resident_id=None)).scheme == ""


def test_a_role_is_given_only_with_the_assurance_that_it_asks_for(provider: Provider):
    people = provider.people(minimum_acr={"auditor": ("high",)})
    names = ["gov-auditor", "gov-officer"]
    assert roles(people.authenticate(provider.token(roles=names, acr="high"))) == {"auditor", "officer"}
    for acr in ("low", None, ["high"]):
        assert roles(people.authenticate(provider.token(roles=names, acr=acr))) == {"officer"}


def test_requiring_a_role_refuses_whoever_lacks_it(provider: Provider):
    person = provider.people().authenticate(provider.token())
    person.require(Role.CITIZEN)
    with pytest.raises(Refused) as refused:
        person.require(Role.AUDITOR)
    assert refused.value.code is Code.NOT_ALLOWED


def test_an_issuer_without_an_identifier_claim_vouches_for_nobodys_identifier(provider: Provider):
    person = provider.people(identifier_claim="").authenticate(provider.token())
    assert (person.identifier, person.roles) == (None, frozenset())


def test_two_issuers_never_have_one_name(provider: Provider):
    with pytest.raises(BadIssuer):
        People([provider.issuer(), provider.issuer()], provider.clock, SUBJECT_KEY)


def test_a_short_subject_key_is_refused(provider: Provider):
    with pytest.raises(BadIssuer):
        People([provider.issuer()], provider.clock, b"short")


def test_without_issuers_every_token_is_bad(provider: Provider):
    assert refusal(People([], provider.clock, SUBJECT_KEY), provider.token()).code is Code.BAD_TOKEN
