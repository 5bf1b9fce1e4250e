"""One entrance for whoever verifies: a copy, a log in tiles or a proof file, told apart by what is there.

It gives a result that both commands show (`oncegate audit verify` and the single file `oncegate-verify.pyz`), so that
they cannot say different things.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from gateway.audit.verify import layout
from gateway.audit.verify.copy import Report, leaves_of, read_note, verify_export
from gateway.audit.verify.epochs import Epochs, believed
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.proof import ProofReport, verify_proof
from gateway.audit.verify.tiled import TiledReport, leaves_at, verify_tiles
from keys.errors import BadEpoch
from keys.log.cosignatures import Quorum
from keys.log.merkle import HASH_SIZE
from keys.log.notes import LONGEST_NOTE

EXIT_UNVERIFIED: Final = 5
_ADDRESS: Final = re.compile(r"https?://", re.ASCII)
_LONGEST_FILE: Final = 2 * LONGEST_NOTE


class BadUse(ValueError):
    """What was asked for makes no sense; nothing was verified."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a verification came to.

    Attributes:
        verified: Whether everything holds.
        document: All of it, for programs.
        lines: All of it, for people.
    """

    verified: bool
    document: dict[str, Any]
    lines: Sequence[str]

    @classmethod
    def of(cls, report: Any, lines: Sequence[str]) -> Self:
        """Everything holds.

        Args:
            report: A dataclass that says what was verified.
            lines: The same for people.
        """
        # What a log says may be written by a forger: it must not steer the terminal that shows it.
        return cls(True, {"verified": True, **dataclasses.asdict(report)}, [_printable(line) for line in lines])


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What the verifier holds about the log's epochs.

    Attributes:
        statements: Files with signed statements.
        custodians: Verifier keys of the custodians, from elsewhere than the log.
        needed: How many of them must have signed each; None for all.
    """

    statements: Sequence[Path]
    custodians: Sequence[str]
    needed: int | None = None


def check(
    place: str,
    key: str,
    earlier: Sequence[Path] = (),
    before: Path | None = None,
    leaf: str | None = None,
    quorum: Quorum | None = None,
    told: Told | None = None,
) -> Outcome:
    """Verify whatever is at a place.

    Args:
        place: Folder of a copy or of tiles, a proof file, or the http or https address of a log in tiles.
        key: The log's verifier key, from somewhere else.
        earlier: Checkpoints that the verifier has kept.
        before: Folder of a copy or of tiles that the verifier has kept.
        leaf: For a proof file: the leaf hash, hex, of the entry that it has to be about.
        quorum: The witnesses who must have cosigned the newest checkpoint; None for none.
        told: Statements of the log's epochs that the verifier holds; None for none.

    Returns:
        The outcome; a failure is one too.

    Raises:
        BadUse: There is nothing of that name, an option does not fit, or a leaf hash is none.
        BadCheckpoint: The key is no verifier key.
    """
    try:
        epochs = None if told is None else _epochs(told, key)
        return _with_witnesses(_succeeded(_verified(place, key, earlier, before, leaf, quorum, epochs)), quorum)
    except VerificationFailed as failure:
        return outcome_of(failure)


def quorum_of(witnesses: Sequence[str], needed: int | None, key: str) -> Quorum | None:
    """Whom the verifier believes beside the log's key.

    Args:
        witnesses: Their verifier keys; none for nobody.
        needed: How many must have cosigned; None for all of them.
        key: The log's verifier key.

    Raises:
        BadUse: The number is given without witnesses.
        BadCheckpoint: A key is malformed, given twice, or the log's own; or the number is out of range.
    """
    if not witnesses:
        if needed is not None:
            raise BadUse("a quorum needs witnesses")
        return None
    return Quorum.of(witnesses, len(witnesses) if needed is None else needed, key)


def _verified(
    place: str,
    key: str,
    earlier: Sequence[Path],
    before: Path | None,
    leaf: str | None,
    quorum: Quorum | None,
    epochs: Epochs | None,
) -> Report | TiledReport | ProofReport:
    where = place if _ADDRESS.match(place) else Path(place)
    if isinstance(where, Path) and where.is_file():
        if earlier or before is not None:
            raise BadUse("a proof file is verified with the key alone")
        return verify_proof(_text(where, Fault.PROOF_MALFORMED), key, None if leaf is None else _leaf(leaf), quorum)
    if leaf is not None:
        raise BadUse("a leaf hash is for a proof file")
    if isinstance(where, Path) and not where.is_dir():
        raise BadUse(f"{place}: there is no such folder or file")
    notes = [_text(path, Fault.EARLIER_CHECKPOINT_BAD) for path in earlier]
    leaves = None
    if before is not None:
        if not before.is_dir():
            raise BadUse(f"{before}: there is no such folder")
        notes.append(read_note(before))
        leaves = _leaves(before, key)
    if isinstance(where, str) or (not (where / layout.ENTRIES).exists() and (where / "tile").exists()):
        return verify_tiles(where, key, notes, leaves, quorum, epochs)
    kept = before if before is not None and (before / layout.ENTRIES).exists() else None
    return verify_export(where, key, notes, earlier_copy=kept, earlier_leaves=leaves, quorum=quorum, epochs=epochs)


def _epochs(told: Told, key: str) -> Epochs | None:
    if not told.statements and not told.custodians and told.needed is None:
        return None
    if not told.statements or not told.custodians:
        raise BadUse("an epoch statement is believed by the keys of custodians: give both")
    notes = [_text(path, Fault.EPOCH_BAD) for path in told.statements]
    try:
        return believed(key, notes, told.custodians, len(told.custodians) if told.needed is None else told.needed)
    except BadEpoch as error:
        raise BadUse(str(error)) from error


def _leaves(kept: Path, key: str) -> Iterator[bytes]:
    return leaves_of(kept) if (kept / layout.ENTRIES).exists() else leaves_at(kept, key)


def _leaf(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != HASH_SIZE:
        raise BadUse("a leaf hash is 64 hex digits")
    return raw


def _text(path: Path, fault: Fault) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise BadUse(f"{path}: cannot be read") from error
    except UnicodeDecodeError as error:
        raise VerificationFailed(fault) from error


def _succeeded(report: Report | TiledReport | ProofReport) -> Outcome:
    if isinstance(report, ProofReport):
        lines = [
            f"verified 验证通过: entry {report.index} of {report.origin} is in the log of {report.size} entries",
            f"leaf hash {report.leaf_hash}",
        ]
        if report.pruned:
            lines.append("its retention had ended: what it said is gone 保留期已满，内容已清理")
            return Outcome.of(report, lines)
        said = [f"it says: {part}" for part in (report.accountability, report.person) if part]
        if report.person_closed:
            said.append("its person part is in the log and not shown here / 个人部分在日志中，此处不展示")
        lines += said or ["The file says nothing of what the entry holds: compare the leaf hash with the one you know."]
        return Outcome.of(report, lines)
    lines = [f"verified 验证通过: {report.size} entries of {report.origin}, root {report.root}"]
    if isinstance(report, Report):
        if report.first_ms is not None and report.last_ms is not None:
            lines.append(f"from {_moment(report.first_ms)} to {_moment(report.last_ms)}")
        lines.append("  ".join(f"{name} {count}" for name, count in sorted(report.kinds.items())))
        if report.pruned:
            under = ", ".join(map(str, report.pruned_under))
            lines.append(
                f"{report.pruned} entries below {report.bodies_from} are pruned under entry {under}: their hashes fit, "
                "what they said is gone 保留期已满，内容已清理"
            )
    else:
        lines.append(f"{report.tiles} tiles of hashes and all entry bundles fit; they hold hashes only")
    if report.earlier_size is not None:
        lines.append(f"It continues the checkpoint of {report.earlier_size} entries that you kept.")
    elif not report.behind:
        lines.append("No earlier checkpoint was given: nothing is known about what the log said before.")
    return Outcome.of(report, [*lines, *_lost(report)])


def _lost(report: Report | TiledReport) -> list[str]:
    lines = [
        f"lost 丢失: {one.entries} entries of {one.origin} from {one.first} on, when epoch {one.epoch} began "
        f"({_moment(one.time_ms)}): {one.reason}"
        for one in report.lost
    ]
    lines += [
        f"The checkpoint of {size} entries that you kept signs lost ones; it is owned up to." for size in report.behind
    ]
    return lines


def _with_witnesses(outcome: Outcome, quorum: Quorum | None) -> Outcome:
    """The outcome, and whom the newest head was believed from."""
    if quorum is None:
        return outcome
    said = f"{quorum.needed} or more of the {len(quorum.witnesses)} witnesses that you named cosigned it 已获见证方联署"
    document = {**outcome.document, "witnesses_needed": quorum.needed}
    return dataclasses.replace(outcome, document=document, lines=[*outcome.lines, said])


def outcome_of(failure: VerificationFailed) -> Outcome:
    """A failure as an outcome."""
    document = {
        "verified": False,
        "fault": str(failure.fault),
        "first": failure.first,
        "last": failure.last,
        "text_zh": failure.text_zh,
        "text_en": failure.text_en,
        "evidence": dict(failure.evidence),
    }
    lines = [f"NOT VERIFIED 验证失败: {failure.text_en} / {failure.text_zh}"]
    lines += [f"  {name}: {value}" for name, value in failure.evidence.items()]
    return Outcome(verified=False, document=document, lines=[_printable(line) for line in lines])


def _printable(line: str) -> str:
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in line)


def _moment(unix_ms: int) -> str:
    """A moment as people read it; what the log claims may be no moment at all."""
    try:
        return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return str(unix_ms)
