"""Log leaves: salted commitments to an entry's two parts, so that the person's can be erased and the log verifies.

Leaf data = "oncegate-leaf-v1" 00 ‖ SHA-256("acc" 00 ‖ salt ‖ accountability body) ‖ SHA-256("per" 00 ‖ salt ‖ person
body); an entry about no person has 32 zero bytes in the second place. Salts are 32 random bytes, one per part:
without its salt, an erased part cannot be guessed from its commitment.
"""

from hashlib import sha256
from typing import Final

from keys.errors import BadProof
from keys.log.merkle import HASH_SIZE

SALT_SIZE: Final = 32
NO_PERSON: Final = bytes(HASH_SIZE)
"""Commitment of an entry that is about no person."""

_LEAF: Final = b"oncegate-leaf-v1\x00"
_LEAF_HASH: Final = b"\x00" + _LEAF
"""What a leaf hash is over, before the two commitments: RFC 6962's prefix of leaves, then the leaf data's own."""
_ACCOUNTABILITY: Final = b"acc\x00"
_PERSON: Final = b"per\x00"


def accountability_commitment(salt: bytes, body: bytes) -> bytes:
    """Commitment to the accountability part.

    Args:
        salt: 32 random bytes.
        body: Canonical JSON, exact bytes.

    Returns:
        32 bytes.

    Raises:
        BadProof: The salt is not 32 bytes.
    """
    return _commit(_ACCOUNTABILITY, salt, body)


def person_commitment(salt: bytes, body: bytes) -> bytes:
    """Commitment to the person part; `NO_PERSON` stands for none.

    Args:
        salt: 32 random bytes, other than the accountability part's.
        body: Canonical JSON, exact bytes.

    Returns:
        32 bytes.

    Raises:
        BadProof: The salt is not 32 bytes.
    """
    return _commit(_PERSON, salt, body)


def leaf_data(accountability: bytes, person: bytes = NO_PERSON) -> bytes:
    """What the tree's leaf stands for.

    Args:
        accountability: Commitment to the accountability part.
        person: Commitment to the person part.

    Returns:
        81 bytes.

    Raises:
        BadProof: A commitment is not 32 bytes.
    """
    if len(accountability) != HASH_SIZE or len(person) != HASH_SIZE:
        raise BadProof("a commitment is 32 bytes")
    return _LEAF + accountability + person


def entry_leaf_hash(
    accountability_salt: bytes, accountability: bytes, person_salt: bytes = b"", person: bytes | None = None
) -> bytes:
    """RFC 6962 leaf hash of an entry whose parts are at hand.

    Args:
        accountability_salt: 32 random bytes.
        accountability: Accountability part, exact bytes.
        person_salt: 32 random bytes; not used when the entry is about no person.
        person: Person part, exact bytes; None when the entry is about no person.

    Returns:
        32 bytes.

    Raises:
        BadProof: A salt is not 32 bytes.
    """
    if len(accountability_salt) != SALT_SIZE or (person is not None and len(person_salt) != SALT_SIZE):
        raise BadProof("a salt is 32 bytes")
    # The functions above, written out: a log computes this at every append, and calls cost as much as hashes.
    about = NO_PERSON if person is None else sha256(_PERSON + person_salt + person).digest()
    return sha256(_LEAF_HASH + sha256(_ACCOUNTABILITY + accountability_salt + accountability).digest() + about).digest()


def _commit(domain: bytes, salt: bytes, body: bytes) -> bytes:
    """SHA-256(domain ‖ salt ‖ body); the salt has a fixed length, so the parts cannot run into each other."""
    if len(salt) != SALT_SIZE:
        raise BadProof("a salt is 32 bytes")
    return sha256(domain + salt + body).digest()
