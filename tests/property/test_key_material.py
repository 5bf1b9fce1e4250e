from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import canonical
from keys.batch import ItemVerifier, scope, sign_batch, verify_batch
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import SpiffeId
from keys.enrolment_token import EnrolmentToken
from keys.envelope import open_field, seal_field
from keys.errors import BadCertificate, BadCheckpoint, BadEnvelope, BadSignature, BadToken, KeyringCorrupt, SealError
from keys.log.notes import NoteSigner, NoteVerifier, split_note
from keys.passphrase import unlock
from keys.sealing import SealingKey, padded_length
from keys.signing import TICKETS, SigningKey, VerifyKey
from keys.subjects import check_subject, subject_commitment

KEY, SEALING = SigningKey.generate(), SealingKey.generate()
NOTES = NoteSigner.generate("gov.example/oncegate")
parts = st.lists(st.one_of(st.binary(max_size=20), st.text(max_size=10)), max_size=4)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def _bytes(part):
    return part.encode() if isinstance(part, str) else part


@given(parts, parts)
def test_scopes_are_equal_exactly_when_their_parts_are(one, other):
    assert (scope(*one) == scope(*other)) == ([_bytes(part) for part in one] == [_bytes(part) for part in other])


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=50), min_size=1, max_size=20), st.data())
def test_an_item_of_a_batch_verifies_alone_and_no_changed_item_does(bodies, data):
    items = sign_batch(KEY, TICKETS, b"scope", bodies)
    assert verify_batch(KEY.verify_key, TICKETS, b"scope", bodies, items[0].signature) == items
    item = data.draw(st.sampled_from(items))
    verifier = ItemVerifier(KEY.verify_key)
    verifier.verify(TICKETS, b"scope", item)
    body = data.draw(st.binary(max_size=50).filter(lambda one: one != item.body))
    with pytest.raises(BadSignature):
        verifier.verify(TICKETS, b"scope", replace(item, body=body))
    with pytest.raises(BadSignature):
        verifier.verify(TICKETS, b"scope", replace(item, leaf_count=item.leaf_count + 1))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json, max_size=5))
def test_canonical_json_reads_back_and_is_written_again_the_same(value):
    raw = canonical.write(value)
    assert canonical.read(raw) == value
    assert canonical.write(canonical.read(raw)) == raw


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_as_canonical_json_only_if_they_are(raw):
    try:
        value = canonical.read(raw)
    except canonical.NotCanonical:
        return
    assert canonical.write(value) == raw


@given(st.binary(), st.binary(min_size=16, max_size=16), st.text(min_size=1, max_size=20), st.data())
def test_a_field_opens_in_its_place_and_not_when_one_bit_differs(plaintext, person, field, data):
    field = field.encode("utf-8", "replace").decode()
    place = {"person_id": person, "field": field, "version": data.draw(st.integers(0, 2**64 - 1)), "key_id": 1}
    key = data.draw(st.binary(min_size=32, max_size=32))
    envelope = seal_field(key, plaintext=plaintext, **place)
    assert open_field(key, envelope=envelope, **place) == plaintext
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    changed = bytearray(envelope)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadEnvelope):
        open_field(key, envelope=bytes(changed), **place)


@settings(max_examples=30)
@given(st.binary(max_size=2000), st.binary(max_size=100), st.data())
def test_a_sealed_text_opens_under_its_own_context_only(plaintext, info, data):
    sealed = SEALING.recipient.seal(plaintext, info)
    assert SEALING.open(sealed, info) == plaintext
    other = data.draw(st.binary(max_size=100).filter(lambda one: one != info))
    with pytest.raises(SealError):
        SEALING.open(sealed, other)


@given(st.integers(0, 10**7))
def test_padding_never_shrinks_and_never_depends_on_more_than_the_step(length):
    padded = padded_length(length)
    assert padded >= length
    assert padded_length(padded) == padded


@given(st.binary(min_size=32, max_size=32), st.text("abc.-", max_size=8), st.text(max_size=20), st.text(max_size=20))
def test_a_commitment_holds_for_its_own_identifier_only(nonce, scheme, identifier, other):
    identifier, other = (one.encode("utf-8", "replace").decode() for one in (identifier, other))
    commitment = subject_commitment(nonce, scheme, identifier)
    check_subject(nonce, scheme, identifier, commitment)
    if other != identifier:
        with pytest.raises(BadSignature):
            check_subject(nonce, scheme, other, commitment)


@given(st.text())
def test_arbitrary_text_is_refused_with_our_own_errors(text):
    verifier = NoteVerifier(NOTES.vkey)
    with pytest.raises(BadCheckpoint):
        verifier.verify(text)
    with pytest.raises(BadToken):
        EnrolmentToken.decode("oge1." + text)
    with pytest.raises(BadCheckpoint):
        NoteVerifier(text)
    with pytest.raises(BadCertificate):
        SpiffeId.parse("spiffe://gov.example/" + text)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_with_our_own_errors(raw):
    with pytest.raises(BadSignature):
        VerifyKey.from_der(raw)
    with pytest.raises(BadSignature):
        KEY.verify_key.verify(TICKETS, b"", raw)
    with pytest.raises(SealError):
        SEALING.open(raw, b"")
    with pytest.raises(BadCertificate):
        peer_from_pem(raw)
    with pytest.raises(KeyringCorrupt):
        unlock(b"p", b"oncegate-lock-v1\x00" + raw, purpose="p")
    with pytest.raises(KeyringCorrupt):
        SigningKey.from_pem(raw)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_of_a_note_survives_being_signed(text):
    note = NOTES.sign(text + "\n")
    assert split_note(note)[0] == NoteVerifier(NOTES.vkey).verify(note) == text + "\n"
