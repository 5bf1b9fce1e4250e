"""Keeps the log's heads cosigned: asks all witnesses at once and publishes as soon as enough have signed.

The log tells each new head, at most every half second (`offer`); only the newest is asked for. A round ends when a
quorum has signed and the others had a moment more, when all have answered, or when their time is up; who is still busy
with an earlier round is left out of the next. So a witness that stalls, lies or is down costs a fraction of a second as
long as enough others stand, and nothing that it sends is kept unless it verifies.

When nothing new comes, the newest head is cosigned again now and then, so that silence of the witnesses is noticed
while nobody reads. Several gateways on one database ask each for themselves: the largest head wins, and whoever is
behind sees in the database that it was published.

A witness that has seen more than the database holds, or something else, shows it with our own signature or is not
believed. If it does, this log is not the one that was promised: the evidence is written down, and `Diverged` is raised
at a start, and the log takes no entries from then on. No witness is ever asked to go back.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import structlog

from gateway.witnesses.asking import Asked, WitnessClient
from gateway.witnesses.epochs import Epochs
from gateway.witnesses.errors import WitnessAhead, WitnessFailed, WitnessRefused
from keys.log.cosignatures import Cosignature, Quorum
from keys.log.notes import NoteVerifier

_COMPANY_S: Final = 0.2
"""How long a round waits for further witnesses once enough have signed."""
_AGAIN_S: Final = 0.5
_TICK_S: Final = 1.0
_RENEW_AT_LEAST_S: Final = 60.0
_log: Final = structlog.get_logger("oncegate.witnesses")


class WitnessedLog(Protocol):
    """The log, as this module needs it. Calls block, but for `keep` and `age_s`."""

    origin: str
    public_key: str

    @property
    def statements(self) -> Sequence[str]:
        """The statements of its epochs, as signed; none in the first."""

    def listen(self, told: Callable[[str, int], None] | None) -> None:
        """Have every head that is to be cosigned told, in some thread: signed note and size."""

    def accepts(self, note: str) -> bool:
        """Whether a head is this log's and cosigned by enough."""

    async def keep(self, note: str) -> None:
        """Publish a head that enough witnesses have cosigned."""

    def newest(self) -> tuple[int, int, str] | None:
        """Size, time kept (Unix ms) and note of the newest published head."""

    def root(self, size: int) -> bytes | None:
        """The root of the first entries; None when there are not so many."""

    def proof(self, old: int, new: int) -> list[bytes]:
        """A consistency proof."""

    def sign_again(self) -> None:
        """Have a new head told, of everything that is stored."""

    def believe(self, kept_ms: int) -> None:
        """Another gateway on this database published a head that has the quorum."""

    def age_s(self) -> float | None:
        """How long ago a head was last cosigned by enough; None for never."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A head that our own key signed and that our stored log does not continue.

    Attributes:
        witness: Who showed it.
        shown: The signed note.
        size: Its size.
        root: Its root.
        stored_root: The root of our first `size` entries; None when there are not so many.
    """

    witness: str
    shown: str
    size: int
    root: bytes
    stored_root: bytes | None


class Diverged(Exception):
    """The stored log is not the one that a witness cosigned: it was rolled back or rewritten. Fails closed.

    Args:
        evidence: What shows it.
    """

    def __init__(self, evidence: Divergence) -> None:
        what = "shorter than" if evidence.stored_root is None else "not"
        super().__init__(
            f"the stored log is {what} the one that {evidence.witness} cosigned at {evidence.size} entries"
        )
        self.evidence = evidence


class Signed(NamedTuple):
    """A cosignature, and of which head."""

    size: int
    cosignature: Cosignature


class Publisher:
    """Has heads cosigned and published, until it is cancelled.

    Args:
        log: The log.
        witnesses: Its witnesses.
        quorum: How many it takes.
        stop_after_s: After how long without a quorum nothing is released; heads are renewed well before.
        now_s: Tells the time, Unix seconds.
        diverged: Is told, once, what shows that the log is not the one that was promised.
    """

    def __init__(
        self,
        log: WitnessedLog,
        witnesses: Sequence[WitnessClient],
        quorum: Quorum,
        stop_after_s: float,
        now_s: Callable[[], int],
        diverged: Callable[[Diverged], None],
    ) -> None:
        self._log = log
        self._witnesses = tuple(witnesses)
        self._quorum = quorum
        self._renew_s = min(_RENEW_AT_LEAST_S, stop_after_s / 3)
        self._now_s = now_s
        self._diverged = diverged
        self._own = NoteVerifier(log.public_key)
        self._epochs = Epochs(log.statements, self._proof) if log.statements else None
        self._offered: tuple[str, int] | None = None
        self._due = asyncio.Event()
        self._busy: dict[str, asyncio.Task[Signed | None]] = {}
        self._told: dict[str, dict[str, Any]] = {one.verifier.name: {"problem": "", "size": 0} for one in witnesses}
        self._stopped = False
        self._behind = False
        """Whether a witness has seen more than we asked for, so that what is stored has to be read again."""

    async def at_start(self) -> None:
        """Accepts by returning a log that continues what every witness can show that was cosigned. Fails closed.

        A witness that does not answer is passed over: it will be asked again with the first head.

        Raises:
            Diverged: One shows a head, signed by our own key, that the stored log does not continue.
        """
        for evidence in await asyncio.gather(*(self._divergence(one) for one in self._witnesses)):
            if evidence is not None:
                raise Diverged(evidence)

    async def run(self) -> None:
        """Has every head cosigned. Ends when the log has diverged."""
        if self._stopped:
            return
        loop = asyncio.get_running_loop()

        def told(note: str, size: int) -> None:
            loop.call_soon_threadsafe(self._offer, note, size)

        self._log.listen(told)
        self._log.sign_again()
        ticking = asyncio.create_task(self._tick())
        try:
            while not self._stopped:
                await self._due.wait()
                self._due.clear()
                if self._offered is not None and not await self._round(*self._offered):
                    await asyncio.sleep(_AGAIN_S)
                    self._due.set()
        finally:
            self._log.listen(None)
            for task in (ticking, *self._busy.values()):
                task.cancel()
            await asyncio.gather(ticking, *self._busy.values(), return_exceptions=True)

    def status(self) -> dict[str, Any]:
        """For the status file."""
        age_s = self._log.age_s()
        return {
            "needed": self._quorum.needed,
            "cosigned_age_s": None if age_s is None else round(age_s, 1),
            "diverged": self._stopped,
            "known": [{"name": name, **told} for name, told in self._told.items()],
        }

    def _offer(self, note: str, size: int) -> None:
        self._offered = (note, size)
        self._due.set()

    async def _tick(self) -> None:
        """Has the head renewed in time, and what other processes wrote signed."""
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - whatever the database raises; the next turn looks again
                _log.error("heads not looked at", error=type(error).__name__)

    async def _look(self) -> None:
        newest = await asyncio.to_thread(self._log.newest)
        if newest is not None and self._log.accepts(newest[2]):
            self._log.believe(newest[1])
        age_s = self._log.age_s()
        published = 0 if newest is None else newest[0]
        offered = 0 if self._offered is None else self._offered[1]
        grown = await asyncio.to_thread(self._log.root, max(published, offered) + 1) is not None
        if grown or self._behind or age_s is None or age_s >= self._renew_s:
            self._behind = False
            self._log.sign_again()

    async def _proof(self, old: int, new: int) -> Sequence[bytes]:
        return await asyncio.to_thread(self._log.proof, old, new)

    async def _round(self, note: str, size: int) -> bool:
        """Asks everyone who is not busy; whether this head, or one that covers it, is published now."""
        asked = Asked(note, size, lambda old: asyncio.to_thread(self._log.proof, old, size), self._epochs)
        for one in self._witnesses:
            name = one.verifier.name
            if name not in self._busy:
                self._busy[name] = task = asyncio.create_task(self._ask(one, asked))
                task.add_done_callback(partial(self._free, name))
        signed = await self._gather(dict(self._busy), size)
        if len(signed) < self._quorum.needed:
            return await self._covered(size)
        order = [one.name for one in self._quorum.witnesses]
        lines = [one.line for one in sorted(signed, key=lambda one: order.index(one.name))]
        try:
            await self._log.keep(note + "".join(lines))
        except Exception as error:  # noqa: BLE001 - not known to be durable: it is asked for and kept again
            _log.error("cosigned head not kept", error=type(error).__name__)
            return False
        return True

    async def _gather(self, tasks: dict[str, "asyncio.Task[Signed | None]"], size: int) -> list[Cosignature]:
        """What was signed of this head: until enough have and the others had a moment more, or nobody is left."""
        waiting, signed = set(tasks.values()), list[Cosignature]()
        until_s: float | None = None
        loop = asyncio.get_running_loop()
        while waiting:
            left_s = None if until_s is None else max(0.0, until_s - loop.time())
            done, waiting = await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            came = [task.result() for task in done if not task.cancelled()]
            # One that was busy with an earlier head has signed that one.
            signed += [one.cosignature for one in came if one is not None and one.size == size]
            if until_s is None and len(signed) >= self._quorum.needed:
                until_s = loop.time() + _COMPANY_S
        return signed

    async def _ask(self, witness: WitnessClient, asked: Asked) -> "Signed | None":
        """What a witness signed; None, with the reason in the status, when it did not. Never raises."""
        try:
            found = await witness.cosign(asked, self._now_s())
        except (WitnessAhead, WitnessRefused) as error:
            self._note(witness, str(error))
            await self._suspect(witness)
        except WitnessFailed as error:
            self._note(witness, str(error))
        except Exception as error:  # noqa: BLE001 - a proof that cannot be made is ours to look at, not the witness's
            self._note(witness, f"could not be asked: {type(error).__name__}")
        else:
            self._told[witness.verifier.name]["size"] = asked.size
            self._note(witness, "")
            return Signed(asked.size, found)
        return None

    def _free(self, name: str, _: object) -> None:
        self._busy.pop(name, None)

    def _note(self, witness: WitnessClient, problem: str) -> None:
        told = self._told[witness.verifier.name]
        if told["problem"] != problem:
            told["problem"] = problem
            _log.warning("witness", witness=witness.verifier.name, problem=problem or "none")

    async def _covered(self, size: int) -> bool:
        """Whether another gateway on this database had a head published that covers this one."""
        newest = await asyncio.to_thread(self._log.newest)
        if newest is None or newest[0] < size or not self._log.accepts(newest[2]):
            return False
        self._log.believe(newest[1])
        # The same head may be stored already while its renewal fails: only a larger one, or a fresh one, settles this.
        age_s = self._log.age_s()
        return newest[0] > size or (age_s is not None and age_s < self._renew_s)

    async def _suspect(self, witness: WitnessClient) -> None:
        """A witness says that our log is not what it was. It is believed if it can show that with our signature."""
        evidence = await self._divergence(witness)
        if evidence is None:
            # Another gateway on this database was ahead of us, or the witness says what is not so.
            # At the next tick, so that a witness that always says so makes no work.
            self._behind = True
            return
        if not self._stopped:
            self._stopped = True
            self._due.set()
            self._diverged(Diverged(evidence))

    async def _divergence(self, witness: WitnessClient) -> Divergence | None:
        try:
            found = await witness.newest_of(self._own, self._log.origin)
        except WitnessFailed as error:
            self._note(witness, str(error))
            return None
        if found is None:
            return None
        note, head = found
        # Read after the note has come: whatever was signed was durable before it was shown to anybody.
        stored = await asyncio.to_thread(self._log.root, head.size)
        if stored == head.root:
            witness.seen = head.size
            return None
        return Divergence(witness.verifier.name, note, head.size, head.root, stored)
