"""Says what was received: every answer that this system verified and opened, or found wrong, is acknowledged.

Rules kept: never in the way of a fetch, which only adds a line to a list in memory; many answers make one signed batch,
sent some seconds later or when enough wait, and once more at `close`. What cannot be delivered is tried again with
growing pauses, and at once when the gateway was not reached and an answer shows that it is back; what is still waiting
at the end is kept in the home's folder `acknowledgements` and sent by whoever opens the home next and asks something.
Everything is bounded: what no longer fits is counted in `lost`.

What it does not promise: a process that is killed loses the answers of the last seconds. The auditor then sees a
release that nobody acknowledged, which is what it is. Saying the same twice is harmless.
"""

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from keys.acknowledgement import (
    LARGEST_STATEMENT,
    MOST_ACKNOWLEDGEMENTS,
    MOST_RECEIVED,
    Acknowledgement,
    BadAcknowledgement,
    Statement,
    read_statement,
    sign_statement,
)
from keys.signing import digest
from nodes.clock import Clock
from nodes.consumer.distrust import UntrustedAnswer
from nodes.consumer.request import Prepared
from nodes.consumer.session import Session
from nodes.enrolment.errors import GatewayUnreachable, HomeInvalid, RequestRefused
from nodes.enrolment.private_files import make_folder, read_private, write_whole
from nodes.errors import NodeError
from oncegate.v1 import exchange_pb2, signed_pb2

DELAY_S: Final = 2.0
"""How long an answer waits for others before it is acknowledged."""
CLOSE_S: Final = 3.0
"""How long closing waits for what is still to be delivered."""
CALL_S: Final = 10.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
MOST_WAITING: Final = 8192
MOST_KEPT_FILES: Final = 64
FOLDER: Final = "acknowledgements"

_ROOM: Final = LARGEST_STATEMENT - 2048
_LINE_BYTES: Final = 192
_DIGEST_BYTES: Final = 67
_POSITION: Final = re.compile(r"acknowledgements\[([0-9]{1,3})\]", re.ASCII)
# A library in somebody else's program: it says nothing unless that program listens.
_log = logging.getLogger("oncegate.client")
_log.addHandler(logging.NullHandler())

Response = exchange_pb2.FetchResponse | exchange_pb2.LocateResponse
Got = TypeVar("Got")


class Acknowledger:
    """Acknowledges answers in the background of one event loop.

    Attributes:
        delivered: Answers that were acknowledged.
        refused: Answers whose acknowledgement the gateway did not take.
        lost: Answers that could not be kept.

    Args:
        home: The system's home folder.
        session: The client's present session.
        clock: Tells the time.
        jitter: A number from 0 to 1, fresh each time, for pauses.
        delay_s: How long an answer waits for others, seconds.
    """

    def __init__(
        self,
        home: Path,
        session: Callable[[], Session],
        clock: Clock,
        jitter: Callable[[], float],
        delay_s: float = DELAY_S,
    ) -> None:
        self._folder = home / FOLDER
        self._session = session
        self._clock = clock
        self._jitter = jitter
        self._delay_s = delay_s
        self._waiting: deque[Acknowledgement] = deque()
        self._taken_files: list[Path] = []
        # How many have left the queue so far, and how many had to leave it before the kept files are done with.
        self._left_queue = self._taken_until = 0
        self._some = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = asyncio.Event()
        # The gateway was not reached, and since then it has answered.
        self._unreached = False
        self._back = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self.delivered = self.refused = self.lost = 0

    def watched(self, request: Prepared, response: Response, verify: Callable[[], Got]) -> Got:
        """Verifies an answer and notes what became of it.

        Args:
            request: What was asked.
            response: What came back.
            verify: Verifies and opens it.

        Returns:
            What `verify` returned.

        Raises:
            UntrustedAnswer: As `verify`; noted with the check that failed.
        """
        try:
            answer = verify()
        except UntrustedAnswer as problem:
            self._note(request, response, str(problem.reason))
            raise
        self._note(request, response, "")
        return answer

    @property
    def waiting(self) -> int:
        """How many answers are not acknowledged yet."""
        return len(self._waiting)

    async def close(self) -> None:
        """Delivers what waits, for a short while; keeps the rest in the home."""
        self._closing.set()
        self._some.set()
        self._hurry.set()
        self._back.set()
        work, self._work = self._work, None
        if work is not None:
            await asyncio.wait({work}, timeout=CLOSE_S)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        self._keep()

    def _note(self, request: Prepared, response: Response, wrong: str) -> None:
        if self._closing.is_set():
            return
        one = _acknowledgement(request, response, wrong)
        if one is None or len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(one)
        self._some.set()
        if self._unreached:
            self._back.set()
        if len(self._waiting) >= MOST_ACKNOWLEDGEMENTS:
            self._hurry.set()
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        self._take_kept()
        failures = 0
        while self._waiting or not self._closing.is_set():
            await self._some.wait()
            await self._pause(failures)
            delivered = await self._deliver()
            failures = 0 if delivered else failures + 1
            if not delivered and self._closing.is_set():
                return

    async def _pause(self, failures: int) -> None:
        """Wait for others to come along, or longer after failures; not at all when closing."""
        if self._closing.is_set():
            return
        pause_s, early = self._delay_s, self._hurry
        if failures:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 10)) * (0.5 + self._jitter())
            early = self._back
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(early.wait(), pause_s)
        self._hurry.clear()
        self._back.clear()
        self._unreached = False

    async def _deliver(self) -> bool:
        """Send what waits, batch after batch; False when the gateway does not take one yet.

        What comes along meanwhile waits for others of its own: else each batch would be as small as what one call lets
        pass, and each is an entry of the log.
        """
        until = self._left_queue + len(self._waiting)
        while self._waiting and (self._left_queue < until or self._closing.is_set()):
            batch = _batch(self._waiting)
            try:
                await self._send(batch)
            except NodeError as problem:
                if not self._settled(batch, problem):
                    return False
                continue
            self.delivered += len(batch)
            self._drop(len(batch))
        if self._taken_files and self._left_queue >= self._taken_until:
            self._forget_kept()
        if not self._waiting and not self._closing.is_set():
            self._some.clear()
        return True

    async def _send(self, batch: list[Acknowledgement]) -> None:
        session = self._session()
        requester = session.requester
        statement = Statement(str(requester.system), requester.system.trust_domain, self._clock.now_ms(), tuple(batch))
        body, signature = sign_statement(requester.signing_key, statement)
        message = exchange_pb2.AcknowledgeRequest(statement=body, signature=signature, keys=session.keys)
        await session.call(session.exchange.Acknowledge, message, CALL_S)

    def _settled(self, batch: list[Acknowledgement], problem: NodeError) -> bool:
        """Whether a failure ends the matter for some of a batch: it would be refused in the same way for ever."""
        self._unreached = isinstance(problem, GatewayUnreachable)
        if isinstance(problem, GatewayUnreachable) and problem.status == "UNIMPLEMENTED":
            # A gateway of an earlier version: it will not take them later either.
            self._refuse(batch, range(len(batch)), problem)
            return True
        if not isinstance(problem, RequestRefused) or problem.status != "INVALID_ARGUMENT":
            return False
        named = {
            int(found[1])
            for v in problem.violations
            if (found := _POSITION.match(v.field)) and int(found[1]) < len(batch)
        }
        self._refuse(batch, named or range(len(batch)), problem)
        return True

    def _refuse(self, batch: list[Acknowledgement], positions: "set[int] | range", problem: NodeError) -> None:
        _log.warning("%d acknowledgements were refused: %s", len(positions), problem.code)
        self.refused += len(positions)
        left = [one for position, one in enumerate(batch) if position not in positions]
        self._drop(len(batch))
        self._waiting.extendleft(reversed(left))
        self._left_queue -= len(left)

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        self._left_queue += count

    def _take_kept(self) -> None:
        """Take over what an earlier client of this home could not deliver."""
        try:
            files = sorted(self._folder.glob("*.json"))[:MOST_KEPT_FILES]
        except OSError:
            return
        for path in files:
            try:
                self._waiting.extend(read_statement(read_private(path)).acknowledgements)
            except (HomeInvalid, BadAcknowledgement) as problem:
                # Left where it is: somebody may want to see what it was.
                _log.warning("kept acknowledgements cannot be read: %s: %s", path.name, type(problem).__name__)
                continue
            self._taken_files.append(path)
        self._taken_until = len(self._waiting)

    def _forget_kept(self) -> None:
        for path in self._taken_files:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self._taken_files.clear()

    def _keep(self) -> None:
        """Write down what was not delivered. Fails towards losing it: an acknowledgement is no data."""
        try:
            if self._waiting:
                system = self._session().requester.system
                make_folder(self._folder)
                there = len(list(self._folder.glob("*.json"))) - len(self._taken_files)
                while self._waiting and there < MOST_KEPT_FILES:
                    batch = _batch(self._waiting)
                    statement = Statement(str(system), system.trust_domain, self._clock.now_ms(), tuple(batch))
                    body = statement.to_bytes()
                    write_whole(self._folder / f"{digest(body).hex()[:32]}.json", body)
                    self._drop(len(batch))
                    there += 1
        except (OSError, NodeError) as problem:
            _log.warning("acknowledgements cannot be kept: %s", type(problem).__name__)
        else:
            self._forget_kept()
        self.lost += len(self._waiting)
        self._waiting.clear()


def _batch(waiting: "deque[Acknowledgement]") -> list[Acknowledgement]:
    """The first of those that wait, as many as one statement holds, each entry once."""
    batch: list[Acknowledgement] = []
    size, entries = 0, set[int]()
    for one in waiting:
        size += _LINE_BYTES + _DIGEST_BYTES * len(one.received)
        if batch and (len(batch) == MOST_ACKNOWLEDGEMENTS or size > _ROOM or one.entry in entries):
            break
        entries.add(one.entry)
        batch.append(one)
    return batch


def _acknowledgement(request: Prepared, response: Response, wrong: str) -> Acknowledgement | None:
    """What there is to say of an answer; None when it names no entry of the log at all.

    Of an answer that does not verify, the entry is the gateway's word: a gateway that names another's is refused by
    itself.
    """
    body = signed_pb2.PromiseBody()
    try:
        body.ParseFromString(response.outcome.body)
    except DecodeError:
        return None
    if not response.outcome.body:
        return None
    if isinstance(response, exchange_pb2.LocateResponse):
        received = {digest(response.sealed)}
    else:
        received = {digest(answer.receipt.body) for answer in response.answers if answer.HasField("receipt")}
    return Acknowledgement(body.leaf_index, request.digest, tuple(sorted(received)[:MOST_RECEIVED]), wrong)
