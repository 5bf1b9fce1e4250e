import hmac

import pytest

from keys.errors import BadSignature, UnknownKey
from keys.subjects import SubjectToken, SubjectTokens, check_subject, subject_commitment

OLD, NEW = bytes([1] * 32), bytes([2] * 32)
SCHEME, PERSON = "cn.resident-id", "11010519491231002X"


def test_a_token_is_the_documented_keyed_hash():
    token = SubjectTokens({1: OLD}, 1).derive(SCHEME, PERSON)
    message = b"oncegate-subject-token-v1\x00" + SCHEME.encode() + b"\x00" + PERSON.encode()
    assert token == SubjectToken(1, hmac.digest(OLD, message, "sha256"))


def test_tokens_differ_by_key_scheme_and_person():
    tokens = SubjectTokens({1: OLD}, 1)
    values = {
        tokens.derive(SCHEME, PERSON).value,
        tokens.derive("cn.uscc", PERSON).value,
        tokens.derive(SCHEME, "440524188001010014").value,
        SubjectTokens({1: NEW}, 1).derive(SCHEME, PERSON).value,
        subject_commitment(OLD, SCHEME, PERSON),
    }
    assert len(values) == 5


def test_a_token_of_a_later_version_is_the_keyed_hash_of_the_token_before():
    first = hmac.digest(OLD, b"oncegate-subject-token-v1\x00" + SCHEME.encode() + b"\x00" + PERSON.encode(), "sha256")
    second = hmac.digest(NEW, b"oncegate-subject-token-chain-v1\x00" + first, "sha256")
    third = hmac.digest(bytes(32), b"oncegate-subject-token-chain-v1\x00" + second, "sha256")
    tokens = SubjectTokens({1: OLD, 2: NEW, 3: bytes(32)}, 3)
    assert tokens.derive(SCHEME, PERSON) == SubjectToken(3, third)
    assert tokens.derive_every(SCHEME, PERSON) == (
        SubjectToken(3, third),
        SubjectToken(2, second),
        SubjectToken(1, first),
    )


def test_the_chain_has_a_known_answer():
    tokens = SubjectTokens({1: OLD, 2: NEW}, 2)
    assert [token.value.hex() for token in tokens.derive_every(SCHEME, PERSON)] == [
        "80573ac0e50edd3756b46b3efe3d9c3e8812e68005a33a50e6329565834e628a",
        "9b4d65cff48477b1b94debe88acfc594c0708bc6c4b789ba1a8639a5d13e826f",
    ]


def test_a_stored_token_is_renewed_without_its_identifier():
    tokens = SubjectTokens({1: OLD, 2: NEW, 3: bytes(32)}, 3)
    newest, *older = tokens.derive_every(SCHEME, PERSON)
    assert [tokens.renew(token.version, token.value) for token in (newest, *older)] == [newest] * 3
    assert tokens.newer(1, older[1].value) == (older[0], newest)
    assert tokens.newer(3, newest.value) == ()


@pytest.mark.parametrize("version", [0, -1, 3])
def test_a_token_is_never_taken_back_in_the_chain(version):
    tokens = SubjectTokens({1: OLD, 2: NEW, 3: bytes(32)}, 2)
    with pytest.raises(UnknownKey):
        tokens.renew(version, bytes(32))


def test_new_versions_are_learnt_and_known_ones_never_replaced():
    tokens = SubjectTokens({1: OLD}, 1)
    before = tokens.derive(SCHEME, PERSON)
    tokens.learn({1: OLD, 2: NEW}, 2)
    assert tokens.derive_every(SCHEME, PERSON)[1] == before
    for keys, current in (({1: NEW, 2: NEW}, 2), ({1: OLD}, 1), ({1: OLD, 2: NEW}, 1), ({1: OLD, 2: NEW, 4: OLD}, 4)):
        with pytest.raises(UnknownKey):
            tokens.learn(keys, current)
        assert tokens.current == 2


def test_while_the_key_rotates_a_person_is_looked_for_under_every_key():
    tokens = SubjectTokens({1: OLD, 2: NEW, 3: bytes(32)}, 2)
    assert tokens.current == 2
    assert tokens.derive(SCHEME, PERSON).version == 2
    assert [token.version for token in tokens.derive_every(SCHEME, PERSON)] == [2, 3, 1]
    assert tokens.derive_every(SCHEME, PERSON)[2] == SubjectTokens({1: OLD}, 1).derive(SCHEME, PERSON)


@pytest.mark.parametrize(
    ("keys", "current"), [({}, 1), ({1: OLD}, 2), ({1: OLD[:-1]}, 1), ({1: OLD, 3: NEW}, 3), ({2: OLD}, 2)]
)
def test_without_a_proper_index_key_there_are_no_tokens(keys, current):
    with pytest.raises(UnknownKey):
        SubjectTokens(keys, current)


def test_tokens_do_not_show_their_keys():
    assert repr(SubjectTokens({1: OLD}, 1)) == "SubjectTokens(current=1)"


def test_a_commitment_is_the_documented_keyed_hash():
    nonce = bytes(range(32))
    assert subject_commitment(nonce, SCHEME, PERSON) == hmac.digest(
        nonce, SCHEME.encode() + b"\x00" + PERSON.encode(), "sha256"
    )


def test_a_commitment_holds_for_its_own_subject_only():
    nonce = bytes(range(32))
    commitment = subject_commitment(nonce, SCHEME, PERSON)
    check_subject(nonce, SCHEME, PERSON, commitment)
    for other in (
        (bytes(32), SCHEME, PERSON, commitment),
        (nonce, "cn.uscc", PERSON, commitment),
        (nonce, SCHEME, "440524188001010014", commitment),
        (nonce, SCHEME, PERSON, commitment[:-1]),
        (nonce, SCHEME, PERSON, b""),
        (nonce[:-1], SCHEME, PERSON, commitment),
    ):
        with pytest.raises(BadSignature) as refused:
            check_subject(*other)
        assert PERSON not in str(refused.value)


def test_scheme_and_identifier_cannot_run_into_each_other():
    with pytest.raises(BadSignature):
        subject_commitment(bytes(32), "a\x00b", "c")
    with pytest.raises(BadSignature):
        SubjectTokens({1: OLD}, 1).derive("a\x00b", "c")
