"""Drawing up an epoch statement for custodians to sign, out of a restored or rolled-back home.

It looks at every head of the old log that can be seen, takes the newest, and makes the key with which the new epoch
will sign; the key is in the keyring before the statement that names it is anywhere. It writes nothing into the log: the
log stands still until the statement comes back signed. May be repeated; each time makes a statement of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.epochs import Lineage
from gateway.backup.epoch_evidence import custodians_of, heads_seen, newest_head, read_note, stored_head
from gateway.backup.errors import EpochRefused
from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.secrets import LOG_KEY_OF_EPOCH
from keys.errors import BadEpoch
from keys.log.custodians import SignedEpoch
from keys.log.epochs import EpochStatement, check_reason, check_statement, next_origin
from keys.log.notes import NoteSigner


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that waits for signatures.

    Attributes:
        statement: What it says.
        text: The exact text to sign.
        needed: How many custodians have to sign.
    """

    statement: EpochStatement
    text: str
    needed: int


def prepare(offline: Offline, reason: str, last: Sequence[Path] = (), earlier: Sequence[Path] = ()) -> Prepared:
    """Draw up a statement.

    Args:
        offline: The gateway's parts; the gateway does not serve.
        reason: Why, for everyone to read for good.
        last: Files with the newest checkpoints of the old log that others hold.
        earlier: Signed statements of epochs that the restored log does not know of.

    Raises:
        EpochRefused: No custodians are pinned, no head of the old log is known, or what is known contradicts itself.
        BadEpoch: The reason breaks a rule, or an earlier statement does not hold.
        KeysError: The keyring cannot be changed.
    """
    custodians = custodians_of(offline)
    check_reason(reason)
    lineage = lineage_with(offline, [custodians.open(read_note(path)) for path in earlier])
    ending = lineage.key or offline.secrets.note_signer.vkey
    size, root = stored_head(offline)
    note, _ = newest_head(offline, lineage, ending, heads_seen(offline, last), size)
    number = lineage.number + 1
    statements = lineage.chain.statements
    signer = NoteSigner.generate(next_origin(lineage.origin, number))
    statement = EpochStatement(
        number=number,
        origin=signer.name,
        key=signer.vkey,
        previous_origin=lineage.origin,
        previous_key=ending,
        previous_statement=statements[-1].digest if statements else b"",
        restored_size=size,
        restored_root=root,
        last=note,
        time_ms=offline.clock.now_ms(),
        reason=reason,
    )
    check_statement(statement)
    with Keystore(offline.settings).changing() as change:
        change.keyring.add(LOG_KEY_OF_EPOCH.format(number), signer.seed)
        change.save()
    return Prepared(statement, statement.text(), custodians.needed)


def lineage_with(offline: Offline, signed: Sequence[SignedEpoch]) -> Lineage:
    """The log's epochs, with those that the restored log does not know of.

    Raises:
        EpochRefused: They do not follow those that it knows of, or are others under the same numbers.
    """
    known = offline.ledger.lineage
    notes = list(known.notes)
    digests = [one.digest for one in known.chain.statements]
    for one in sorted(signed, key=lambda each: each.statement.number):
        place = one.statement.number - 2
        if place < len(digests):
            if digests[place] != one.statement.digest:
                raise EpochRefused(f"epoch {one.statement.number} was begun by another statement")
            continue
        notes.append(one.note)
        digests.append(one.statement.digest)
    try:
        return Lineage(known.first_origin, notes)
    except BadEpoch as error:
        raise EpochRefused(f"the statements do not follow each other: {error}") from error
