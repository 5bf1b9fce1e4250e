from dataclasses import replace

import pytest

from keys.batch import LARGEST_BATCH, ItemVerifier, scope, sign_batch, verify_batch
from keys.errors import BadBatch, BadSignature
from keys.log.merkle import leaf_hash, node_hash, verify_inclusion
from keys.signing import RECEIPTS, TICKETS

SCOPE = scope("spiffe://gov.example/department/civil/node/n1", bytes(16))
BODIES = [bytes([n]) * (n + 1) for n in range(7)]


class CountingKey:
    """Stands where a VerifyKey stands and counts how often it is asked."""

    def __init__(self, key):
        self.key, self.asked = key, 0

    def verify(self, context, body, signature):
        self.asked += 1
        self.key.verify(context, body, signature)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_a_batch_is_accepted_whole_and_item_by_item(signing_key, count):
    items = sign_batch(signing_key, TICKETS, SCOPE, BODIES[:count])
    again = verify_batch(signing_key.verify_key, TICKETS, SCOPE, BODIES[:count], items[0].signature)
    assert again == items
    verifier = ItemVerifier(signing_key.verify_key)
    assert verifier.key is signing_key.verify_key
    for item in items:
        verifier.verify(TICKETS, SCOPE, item)


def test_a_batch_of_one_has_no_path(signing_key):
    (item,) = sign_batch(signing_key, TICKETS, SCOPE, [b"only"])
    assert (item.path, item.leaf_index, item.leaf_count) == ((), 0, 1)


def test_the_signed_body_is_count_root_and_scope(signing_key):
    items = sign_batch(signing_key, TICKETS, SCOPE, [b"a", b"b"])
    root = node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
    signing_key.verify_key.verify(TICKETS, (2).to_bytes(4, "big") + root + SCOPE, items[0].signature)
    verify_inclusion(leaf_hash(b"b"), 1, 2, items[1].path, root)


@pytest.mark.parametrize(
    "bodies",
    [BODIES[:-1], [*BODIES, b"more"], BODIES[::-1], [BODIES[0] + b"x", *BODIES[1:]], [*BODIES, BODIES[-1]]],
    ids=["one fewer", "one more", "reordered", "changed", "last one doubled"],
)
def test_a_changed_frame_is_refused(signing_key, bodies):
    signature = sign_batch(signing_key, TICKETS, SCOPE, BODIES)[0].signature
    with pytest.raises(BadSignature):
        verify_batch(signing_key.verify_key, TICKETS, SCOPE, bodies, signature)


def test_a_frame_for_another_session_or_purpose_is_refused(signing_key):
    items = sign_batch(signing_key, TICKETS, SCOPE, BODIES)
    other = scope("spiffe://gov.example/department/civil/node/n1", bytes([1] * 16))
    with pytest.raises(BadSignature):
        verify_batch(signing_key.verify_key, TICKETS, other, BODIES, items[0].signature)
    with pytest.raises(BadSignature):
        verify_batch(signing_key.verify_key, RECEIPTS, SCOPE, BODIES, items[0].signature)
    verifier = ItemVerifier(signing_key.verify_key)
    verifier.verify(TICKETS, SCOPE, items[0])
    for context, where in ((TICKETS, other), (RECEIPTS, SCOPE)):
        with pytest.raises(BadSignature):
            verifier.verify(context, where, items[0])


def test_one_frame_costs_one_signature_check(signing_key):
    key = CountingKey(signing_key.verify_key)
    verifier = ItemVerifier(key)  # type: ignore[arg-type]
    for item in sign_batch(signing_key, TICKETS, SCOPE, BODIES):
        verifier.verify(TICKETS, SCOPE, item)
    assert key.asked == 1


def test_a_remembered_frame_does_not_let_a_changed_item_through(signing_key, department_key):
    items = sign_batch(signing_key, TICKETS, SCOPE, BODIES)
    foreign = sign_batch(department_key, TICKETS, SCOPE, BODIES)
    verifier = ItemVerifier(signing_key.verify_key)
    for item in items:
        verifier.verify(TICKETS, SCOPE, item)
    for changed in (
        replace(items[2], body=b"other"),
        replace(items[2], leaf_index=3),
        replace(items[2], leaf_count=8),
        replace(items[2], path=items[3].path),
        replace(items[2], path=items[2].path[:-1]),
        replace(items[2], path=(*items[2].path, bytes(32))),
        replace(items[2], path=(b"short", *items[2].path[1:])),
        replace(items[2], signature=foreign[2].signature),
        replace(items[2], leaf_index=-1),
        replace(items[2], leaf_count=0),
        replace(items[2], leaf_count=LARGEST_BATCH + 1),
    ):
        with pytest.raises(BadSignature):
            verifier.verify(TICKETS, SCOPE, changed)


def test_a_refused_item_is_refused_again(signing_key, department_key):
    item = sign_batch(department_key, TICKETS, SCOPE, BODIES)[0]
    verifier = ItemVerifier(signing_key.verify_key)
    for _ in range(2):
        with pytest.raises(BadSignature):
            verifier.verify(TICKETS, SCOPE, item)


def test_the_oldest_frame_is_forgotten_when_the_memory_is_full(signing_key):
    key = CountingKey(signing_key.verify_key)
    verifier = ItemVerifier(key, remember=2)  # type: ignore[arg-type]
    frames = [sign_batch(signing_key, TICKETS, SCOPE, [bytes([n])])[0] for n in range(3)]
    for item in (*frames, frames[2], frames[1], frames[0]):
        verifier.verify(TICKETS, SCOPE, item)
    assert key.asked == 4


def test_a_verifier_may_remember_nothing(signing_key):
    key = CountingKey(signing_key.verify_key)
    verifier = ItemVerifier(key, remember=0)  # type: ignore[arg-type]
    (item,) = sign_batch(signing_key, TICKETS, SCOPE, [b"a"])
    verifier.verify(TICKETS, SCOPE, item)
    verifier.verify(TICKETS, SCOPE, item)
    assert key.asked == 2


def test_an_empty_batch_cannot_be_signed_or_verified(signing_key):
    with pytest.raises(BadBatch):
        sign_batch(signing_key, TICKETS, SCOPE, [])
    with pytest.raises(BadBatch):
        verify_batch(signing_key.verify_key, TICKETS, SCOPE, [], b"")


def test_different_lists_of_parts_are_different_scopes():
    assert len({scope("ab", "c"), scope("a", "bc"), scope("abc"), scope("abc", ""), scope()}) == 5
    assert scope("ab") == scope(b"ab") == b"\x00\x00\x00\x02ab"
