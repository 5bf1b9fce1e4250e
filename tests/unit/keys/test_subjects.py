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


def test_while_the_key_rotates_a_person_is_looked_for_under_every_key():
    tokens = SubjectTokens({1: OLD, 2: NEW, 3: bytes(32)}, 2)
    assert tokens.current == 2
    assert tokens.derive(SCHEME, PERSON).version == 2
    assert [token.version for token in tokens.derive_every(SCHEME, PERSON)] == [2, 3, 1]
    assert tokens.derive_every(SCHEME, PERSON)[2] == SubjectTokens({1: OLD}, 1).derive(SCHEME, PERSON)


@pytest.mark.parametrize(("keys", "current"), [({}, 1), ({1: OLD}, 2), ({1: OLD[:-1]}, 1)])
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
