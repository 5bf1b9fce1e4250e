"""Entries whose bodies are gone because their retention has ended: what covers them, and what nothing covers.

An entry `log_pruned` is written before anything is destroyed. It names what goes (`ranges` of positions), the root of
the tree over everything up to there, how old the newest of them is and under which rule. The hashes stay, so the tree
verifies as before. Rules checked here: a body that is missing is named by such an entry behind it; such an entry names
nothing younger than its own rule allows at its own time, no rule is shorter than `FLOOR_MONTHS`, and nothing goes that
a hold covered. Fails closed: whatever cannot be read is a fault.

What cannot be checked here: how old a destroyed entry really was. Whoever kept an earlier copy knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.audit.verify.failures import Fault, VerificationFailed
from keys.log.frontier import Frontier

MONTH_MS: Final = 31 * 86_400_000
"""A month of retention: never shorter than one of the calendar."""
FLOOR_MONTHS: Final = 6
"""No rule keeps entries for less: network logs are kept for six months at least (Cybersecurity Law of the PRC, the
article that was number 21 in 2016)."""
MOST_RANGES: Final = 2_000
"""Ranges that one entry names at most."""

PRUNED_KIND: Final = "log_pruned"
HOLD_KIND: Final = "log_hold_added"
RELEASE_KIND: Final = "log_hold_removed"

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What one entry `log_pruned` says.

    Attributes:
        index: The entry.
        time_ms: When it was written, Unix ms.
        ranges: What goes: first position, and the first that does not any more; in order, apart from each other.
        root: RFC 6962 root over everything below the end of the last range, hex.
        newest_ms: Time of the newest entry that goes, Unix ms.
        months: How long entries are kept by the rule.
    """

    index: int
    time_ms: int
    ranges: Sequence[Range]
    root: str
    newest_ms: int
    months: int

    @property
    def below(self) -> int:
        """Nothing from this position on goes."""
        return self.ranges[-1][1]

    def covers(self, index: int) -> bool:
        """Whether it names a position."""
        return any(start <= index < end for start, end in self.ranges)


@dataclass(frozen=True, slots=True)
class Hold:
    """That nothing in a stretch of the log may go, from the entry that says so until one that takes it back.

    Attributes:
        index: The entry that says so; names the hold.
        start: First position.
        end: First position that is not held any more; None for none: everything to come is held as well.
    """

    index: int
    start: int
    end: int | None

    def overlaps(self, one: Range) -> int | None:
        """The first position of a range that is held; None when none is."""
        first = max(self.start, one[0])
        last = one[1] if self.end is None else min(self.end, one[1])
        return first if first < last else None


def read_pruning(index: int, said: Mapping[str, Any]) -> Pruning:
    """Read and check an entry `log_pruned` by itself.

    Args:
        index: Where it stands.
        said: Its accountability part.

    Raises:
        VerificationFailed: It cannot be read, or names more than its rule allows at its time.
    """
    try:
        ranges = tuple((start, end) for start, end in said["ranges"])
        numbers = [said["time_ms"], said["newest_ms"], said["months"], said["entries"], *sum(ranges, ())]
        found = Pruning(index, said["time_ms"], ranges, str(said["root"]), said["newest_ms"], said["months"])
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationFailed(Fault.PRUNING_MALFORMED, index) from error
    if any(type(number) is not int or number < 0 for number in numbers) or not 0 < len(ranges) <= MOST_RANGES:
        raise VerificationFailed(Fault.PRUNING_MALFORMED, index)
    edges = [edge for one in ranges for edge in one]
    if edges != sorted(set(edges)) or sum(end - start for start, end in ranges) != said["entries"]:
        raise VerificationFailed(Fault.PRUNING_MALFORMED, index)
    if found.below > index or found.months < FLOOR_MONTHS or found.newest_ms + found.months * MONTH_MS > found.time_ms:
        raise VerificationFailed(
            Fault.PRUNED_BEYOND_RULE, index, below=found.below, months=found.months, newest_ms=found.newest_ms
        )
    return found


def read_hold(index: int, said: Mapping[str, Any]) -> Hold:
    """Read an entry `log_hold_added`.

    Raises:
        VerificationFailed: It cannot be read.
    """
    start, end = said.get("from"), said.get("until")
    if type(start) is not int or (end is not None and (type(end) is not int or end <= start)):
        raise VerificationFailed(Fault.PRUNING_MALFORMED, index)
    return Hold(index, start, end)


@dataclass(slots=True)
class Pruned:
    """Collects, in one pass over a log, what is missing and what covers it."""

    prunings: list[Pruning] = field(default_factory=list)
    missing: list[Range] = field(default_factory=list)
    _holds: list[Hold] = field(default_factory=list)
    _released: dict[int, int] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """How many entries have no body any more."""
        return sum(end - start for start, end in self.missing)

    def body_missing(self, place: int) -> None:
        """Note that an entry has no body."""
        if self.missing and self.missing[-1][1] == place:
            self.missing[-1] = (self.missing[-1][0], place + 1)
        else:
            self.missing.append((place, place + 1))

    def read(self, place: int, kind: str, said: Mapping[str, Any]) -> None:
        """Note what an entry says of pruning, if it does.

        Raises:
            VerificationFailed: It cannot be read, or names more than its rule allows.
        """
        if kind == PRUNED_KIND:
            self.prunings.append(read_pruning(place, said))
        elif kind == HOLD_KIND:
            self._holds.append(read_hold(place, said))
        elif kind == RELEASE_KIND and type(hold := said.get("hold")) is int:
            self._released.setdefault(hold, place)

    def check(self) -> None:
        """Check that everything missing is covered and nothing was pruned that was held.

        Raises:
            VerificationFailed: It is not; the first such entry is named.
        """
        for pruning in self.prunings:
            for hold in self._holds:
                in_force = hold.index < pruning.index < self._released.get(hold.index, pruning.index + 1)
                for one in pruning.ranges if in_force else ():
                    if (held := hold.overlaps(one)) is not None:
                        raise VerificationFailed(
                            Fault.PRUNED_UNDER_HOLD, held, pruned_by=pruning.index, hold=hold.index
                        )
        covered = _merged([one for pruning in self.prunings for one in pruning.ranges])
        for start, end in self.missing:
            first = _uncovered((start, end), covered)
            if first is not None:
                raise VerificationFailed(Fault.BODY_MISSING, first)

    def check_ages(self, ages: Iterable[tuple[int, int]]) -> None:
        """Check what was pruned against what somebody has kept of it.

        Args:
            ages: Positions and times (Unix ms) of entries as they were.

        Raises:
            VerificationFailed: One was younger than the entry that pruned it says.
        """
        for index, time_ms in ages:
            under = next((one for one in self.prunings if one.covers(index)), None)
            if under is not None and time_ms > under.newest_ms:
                raise VerificationFailed(
                    Fault.PRUNED_BEYOND_RULE, index, pruned_by=under.index, newest_ms=under.newest_ms, time_ms=time_ms
                )

    def check_roots(self, leaves: Iterable[bytes]) -> None:
        """Check the roots that the entries name, in a second pass.

        Args:
            leaves: All leaf hashes, verified before.

        Raises:
            VerificationFailed: A root is not that of the log at that size.
        """
        wanted: dict[int, list[Pruning]] = {}
        for pruning in self.prunings:
            wanted.setdefault(pruning.below, []).append(pruning)
        frontier, last = Frontier(), max(wanted, default=0)
        for leaf in leaves:
            if frontier.size >= last:
                break
            frontier.append(leaf)
            for pruning in wanted.get(frontier.size, ()):
                if frontier.root().hex() != pruning.root:
                    raise VerificationFailed(
                        Fault.PRUNED_ROOT_WRONG, pruning.index, size=pruning.below, named_root=pruning.root,
                        computed_root=frontier.root().hex(),
                    )  # fmt: skip


def _merged(ranges: list[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _uncovered(one: Range, covered: Sequence[Range]) -> int | None:
    """The first position of a range that none of the others covers; None when all are."""
    start, end = one
    for first, last in covered:
        if first <= start < last:
            start = last
    return start if start < end else None
