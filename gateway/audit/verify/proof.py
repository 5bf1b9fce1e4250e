"""Verifying a proof file (C2SP tlog-proof) offline: that one entry is in the log, and which.

The file's `extra` holds either the entry's leaf hash (32 bytes) or the entry itself, as a line of a copy. It is not
signed; that does not matter, because the leaf hash that follows from it has to lead to the signed root. With a leaf
hash alone the file proves that *some* entry with this hash is there: whoever holds a promise compares it with that.
"""

from dataclasses import dataclass

from gateway.audit.verify import layout
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.heads import is_cosigned
from keys.errors import BadCheckpoint, BadProof
from keys.log.cosignatures import Quorum
from keys.log.merkle import HASH_SIZE
from keys.log.notes import NoteVerifier
from keys.log.proof_files import ProofFile, read_proof_file, verify_proof_file


@dataclass(frozen=True, slots=True)
class ProofReport:
    """What was verified.

    Attributes:
        origin: The log's name.
        index: The entry's position in the log.
        leaf_hash: Its leaf hash, hex.
        size: Size of the tree under whose signed head it is.
        root: RFC 6962 root, hex.
        accountability: What the entry says, when the file holds it; empty otherwise.
        person: Its person part, when the file holds it; empty otherwise.
        person_closed: Whether the entry has a person part that the file does not show.
        pruned: Whether the file holds the entry as it is after its retention: by its commitments only.
    """

    origin: str
    index: int
    leaf_hash: str
    size: int
    root: str
    accountability: str
    person: str
    person_closed: bool = False
    pruned: bool = False


def verify_proof(text: str, public_key: str, leaf: bytes | None = None, quorum: Quorum | None = None) -> ProofReport:
    """Verify a proof file. Accepts by returning; fails closed.

    Args:
        text: Content of the file.
        public_key: The log's verifier key (C2SP), from somewhere other than the file.
        leaf: Leaf hash of the entry that it has to be a proof of, such as a promise states; None takes the file's.
        quorum: The witnesses who must have cosigned the checkpoint in it; None for none.

    Returns:
        What was verified.

    Raises:
        VerificationFailed: Something is wrong, or the proof is another entry's.
        BadCheckpoint: `public_key` is no verifier key.
    """
    verifier = NoteVerifier(public_key)
    try:
        proof = read_proof_file(text)
    except BadProof as error:
        raise VerificationFailed(Fault.PROOF_MALFORMED) from error
    line = _line(proof)
    told = proof.extra if line is None else line.computed_leaf_hash()
    leaf = leaf or told
    if len(leaf) != HASH_SIZE:
        raise VerificationFailed(Fault.PROOF_MALFORMED)
    if (told and told != leaf) or (line is not None and line.index != proof.index):
        raise VerificationFailed(
            Fault.PROOF_OF_ANOTHER_ENTRY, proof.index, expected_leaf=leaf.hex(), leaf_in_file=told.hex()
        )
    try:
        head = verify_proof_file(proof, leaf, verifier, verifier.name)
    except BadCheckpoint as error:
        raise VerificationFailed(Fault.CHECKPOINT_BAD, note=proof.checkpoint) from error
    except BadProof as error:
        raise VerificationFailed(Fault.PROOF_BAD, proof.index, leaf=leaf.hex(), signed_note=proof.checkpoint) from error
    if quorum is not None and not is_cosigned(proof.checkpoint, quorum):
        raise VerificationFailed(Fault.NOT_COSIGNED, proof.index, needed=quorum.needed, signed_note=proof.checkpoint)
    return ProofReport(
        origin=head.origin,
        index=proof.index,
        leaf_hash=leaf.hex(),
        size=head.size,
        root=head.root.hex(),
        accountability="" if line is None else line.accountability.decode(),
        person="" if line is None else line.person.decode(),
        person_closed=line is not None and bool(line.person_closed),
        pruned=line is not None and bool(line.pruned),
    )


def _line(proof: ProofFile) -> layout.Line | None:
    """The entry that the file holds; None when it holds no more than a leaf hash, or nothing."""
    if len(proof.extra) in (0, HASH_SIZE):
        return None
    try:
        return layout.read_line(proof.extra, closed=True)
    except layout.NotALine as error:
        raise VerificationFailed(Fault.PROOF_MALFORMED) from error
