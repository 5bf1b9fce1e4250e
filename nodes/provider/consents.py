"""How consents stand, as a node knows it: told by the gateway, or entered by the department's own steward.

Rules kept here: what ended stays ended, whatever the gateway says later; what the steward entered counts whatever the
gateway says. A change holds from the moment it arrives and is kept on disk; if it cannot be written it still holds in
this process, and the gateway tells all of them again when a stream opens. A steward's entry counts within a second. A
consent of which nothing is known stands: whether it is one at all, its text and its proof say. Uses are counted by the
node's own receipts, so that a gateway that counts wrongly is noticed: one request is one use, however many resources it
asks for, as at the gateway; a ticket that orders the same resource of the same request again is another use.

It does not verify proofs: `release` does, with the record in hand.
"""

import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import structlog

from nodes.clock import Clock
from nodes.errors import NodeError
from nodes.provider.model import ConsentChange, Standing
from nodes.provider.state.consents import ConsentState
from policies.consents import Consent
from policies.reasons import Reason

REREAD_S: Final = 0.4
"""How old what is known of the steward's file may be, seconds."""
_COUNTED: Final = 8192
_DIGEST: Final = 32
Uses = Callable[[bytes, int], Mapping[tuple[bytes, str], int]]

_log = structlog.get_logger("oncegate.node")


class _Stretch:
    """What was used of a consent in one stretch of its frequency.

    Args:
        number: Which stretch.
        kept: Releases that were kept, by request and resource.
    """

    def __init__(self, number: int, kept: Mapping[tuple[bytes, str], int]) -> None:
        self.number = number
        self._tickets = Counter(kept)
        self._uses: Counter[bytes] = Counter()
        for (request, _), tickets in kept.items():
            self._uses[request] = max(self._uses[request], tickets)
        self._taken = self._uses.total()

    def take(self, request: bytes, resource: str, most: int) -> bool:
        """Take a ticket; it is another use unless other resources of its request were ordered as often already."""
        tickets = self._tickets[request, resource] + 1
        if tickets > self._uses[request]:
            if self._taken >= most:
                return False
            self._uses[request] = tickets
            self._taken += 1
        self._tickets[request, resource] = tickets
        return True


class ConsentBook:
    """Standings of consents. Used from the event loop's thread only.

    Args:
        state: Where they are kept.
        file: The steward's entries: one digest in hexadecimal a line.
        clock: Decides when to look at the file again.
        uses: How many releases under a consent were kept since a moment, by request and resource.
    """

    def __init__(self, state: ConsentState, file: Path, clock: Clock, uses: Uses) -> None:
        self._state = state
        self._file = file
        self._clock = clock
        self._uses = uses
        self._known = state.load(clock.now_ms())
        self._looked_s = float("-inf")
        self._stamp: tuple[int, int, int] | None = None
        self._entered: frozenset[bytes] = frozenset()
        self._counts: OrderedDict[bytes, _Stretch] = OrderedDict()

    def take(self, changes: Sequence[ConsentChange]) -> None:
        """Take over what the gateway says; it holds for the next release."""
        news = [change for change in changes if self._known.get(change.digest) is not Standing.ENDED]
        for change in news:
            self._known[change.digest] = change.standing
        if news:
            self._state.keep(news, self._clock.now_ms()).add_done_callback(_report)

    def reason(self, digest: bytes) -> Reason | None:
        """Why nothing is released under a consent; None while nothing speaks against it."""
        self._look()
        standing = self._known.get(digest)
        if digest in self._entered or standing is Standing.ENDED:
            return Reason.CONSENT_REVOKED
        return Reason.CONSENT_PAUSED if standing is Standing.PAUSED else None

    def use(self, consent: Consent, request: bytes, resource: str, now_ms: int) -> bool:
        """Take a request's use of a consent; False when none is left in this stretch of its frequency.

        Args:
            consent: Which.
            request: SHA-256 of the signed request.
            resource: Resource code.
            now_ms: Now, Unix ms.
        """
        number, most = consent.limit(now_ms)
        stretch = self._counts.pop(consent.digest, None)
        if stretch is None or stretch.number != number:
            stretch = _Stretch(number, self._uses(consent.digest, consent.stretch_began_ms(now_ms)))
        self._counts[consent.digest] = stretch
        while len(self._counts) > _COUNTED:
            self._counts.popitem(last=False)
        return stretch.take(request, resource, most)

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < REREAD_S:
            return
        self._looked_s = now_s
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            self._stamp, self._entered = None, frozenset()
            return
        stamp = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if stamp != self._stamp:
            # What cannot be read raises, and with it the check fails: nothing is released on a doubt.
            self._entered = read_entered(self._file)
            self._stamp = stamp


def read_entered(file: Path) -> frozenset[bytes]:
    """Consents that the steward entered as withdrawn; none when there is no file.

    Raises:
        ValueError: A line is no digest. Fails closed: the checks that need the file fail.
        OSError: It cannot be read.
    """
    try:
        lines = file.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return frozenset()
    found = frozenset(bytes.fromhex(line) for line in lines)
    if any(len(digest) != _DIGEST for digest in found):
        raise ValueError("a line is no digest")
    return found


def enter(file: Path, digest: bytes) -> bool:
    """Enter a consent as withdrawn, durably; a running node heeds it within a second.

    Args:
        file: The steward's entries.
        digest: SHA-256 of the consent.

    Returns:
        False when it was there already.

    Raises:
        ValueError: The file holds a line that is no digest.
        OSError: It cannot be written.
    """
    held = read_entered(file)
    if digest in held:
        return False
    draft = file.with_name(file.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.writelines(f"{one.hex()}\n" for one in sorted(held | {digest}))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _report(done: "Future[None]") -> None:
    """It holds in memory all the same, and the gateway tells it again."""
    problem = done.exception() if not done.cancelled() else None
    if problem is not None:
        _log.error("consents_not_kept", code=problem.code if isinstance(problem, NodeError) else type(problem).__name__)
