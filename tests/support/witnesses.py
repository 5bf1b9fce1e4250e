"""Witnesses for tests: real ones in this process, ones that lie, and a log with a publisher that asks them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from keys.log.checkpoints import parse_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner
from keys.log.custodians import Custodians
from keys.log.notes import NoteVerifier, split_note
from nodes.witness.door import WitnessDoor
from nodes.witness.evidence import Evidence
from nodes.witness.store import SqliteHeads
from nodes.witness.witness import Witness
from tests.support.city import free_port


class LocalWitness:
    """A real witness with a real door, in this process. It can be stopped and started again where it was.

    Args:
        folder: Its memory and evidence.
        name: Its name.
        logs: Verifier keys of the logs that it follows; the origin is the key's name unless given.
        origin: The log's name.
    """

    def __init__(self, folder: Path, name: str, logs: Sequence[str] = (), origin: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.cosigner = Cosigner(name, sha256(name.encode()).digest())
        self.vkey = self.cosigner.vkey
        self.verifier = CosignatureVerifier(self.vkey)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ahead_s = 0
        self.evidence = Evidence(folder)
        SqliteHeads.create(folder / "state.db")
        self.heads = SqliteHeads(folder / "state.db")
        self.logs: dict[str, NoteVerifier] = {}
        self.custodians: dict[str, Custodians] = {}
        self.follow(*logs, origin=origin)
        self._door: WitnessDoor | None = None

    def follow(self, *logs: str, origin: str | None = None) -> None:
        """Follows logs; of a running witness from its next start on."""
        for vkey in logs:
            verifier = NoteVerifier(vkey)
            self.logs[origin or verifier.name] = verifier
            self.heads.enrol(origin or verifier.name)

    async def start(self) -> "LocalWitness":
        self._door = WitnessDoor(f"127.0.0.1:{self.port}", self.witness())
        await self._door.start()
        return self

    async def stop(self) -> None:
        if self._door is not None:
            await self._door.stop()
            self._door = None

    def witness(self) -> Witness:
        now_s = lambda: int(time.time()) + self.ahead_s  # noqa: E731 - it reads the attribute when it is called
        return Witness(self.cosigner, self.logs, self.heads, self.evidence, now_s, self.custodians)

    def size(self, origin: str) -> int:
        """Entries of the newest head that it cosigned."""
        return self.heads.newest(origin).size


Behaviour = Callable[["Liar", bytes, asyncio.StreamWriter], Awaitable[None]]


class Liar:
    """A peer in the place of a witness that does whatever it is told; it has the witness's key.

    Args:
        name: Its name.
        behave: What it does with a request's bytes (head and body).
    """

    def __init__(self, name: str, behave: Behaviour) -> None:
        self.cosigner = Cosigner(name, sha256(name.encode()).digest())
        self.vkey = self.cosigner.vkey
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.behave = behave
        self.asked = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> "Liar":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.asked += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                length = [
                    int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
                ]
                body = await reader.readexactly(length[0]) if length else b""
                await self.behave(self, head + body, writer)
        finally:
            self._open.discard(task)
            writer.transport.abort()


def note_of(raw: bytes) -> str:
    """The note in a request for a cosignature."""
    return raw.partition(b"\r\n\r\n")[2].decode().partition("\n\n")[2]


async def send(
    writer: asyncio.StreamWriter, status: int, body: bytes, kind: str = "text/plain", more: str = ""
) -> None:
    """An HTTP answer."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def stalls(_: Liar, __: bytes, ___: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def drips(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def sends_garbage(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff" * 500)
    await writer.drain()


async def sends_no_signature(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    await send(writer, 200, b"all is well\n")


async def sends_much(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    with contextlib.suppress(OSError):
        for _count in range(400):
            writer.write(b"x" * 65536)
            await writer.drain()


async def sends_long_head(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)
        await writer.drain()


async def signs_another_head(liar: Liar, raw: bytes, writer: asyncio.StreamWriter) -> None:
    head = parse_checkpoint(split_note(note_of(raw))[0])
    other = type(head)(head.origin, head.size + 1, head.root)
    await send(writer, 200, liar.cosigner.cosign(other.text(), int(time.time())).encode())


async def signs_with_another_key(liar: Liar, raw: bytes, writer: asyncio.StreamWriter) -> None:
    other = Cosigner(liar.cosigner.name, bytes(32))
    line = other.cosign(split_note(note_of(raw))[0], int(time.time()))
    # Under the key id of the right key, so that it is taken for its signature.
    await send(writer, 200, line.encode())


async def signs_at_another_time(liar: Liar, raw: bytes, writer: asyncio.StreamWriter) -> None:
    await send(writer, 200, liar.cosigner.cosign(split_note(note_of(raw))[0], int(time.time()) + 3600).encode())


async def says_it_is_ahead(_: Liar, raw: bytes, writer: asyncio.StreamWriter) -> None:
    if raw.startswith(b"GET"):
        await send(writer, 200, b"not a note")
    else:
        await send(writer, 409, b"999999999\n", "text/x.tlog.size")


async def refuses(_: Liar, raw: bytes, writer: asyncio.StreamWriter) -> None:
    await send(writer, 404 if raw.startswith(b"GET") else 422, b"no\n")


async def redirects(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    await send(writer, 302, b"", more="Location: http://127.0.0.1:1/\r\n")


async def fails(_: Liar, __: bytes, writer: asyncio.StreamWriter) -> None:
    await send(writer, 500, b"oops")


async def hangs_up(_: Liar, __: bytes, ___: asyncio.StreamWriter) -> None:
    return


LIES: dict[str, Behaviour] = {
    one.__name__: one
    for one in (
        stalls,
        drips,
        sends_garbage,
        sends_no_signature,
        sends_much,
        sends_long_head,
        signs_another_head,
        signs_with_another_key,
        signs_at_another_time,
        says_it_is_ahead,
        refuses,
        redirects,
        fails,
        hangs_up,
    )
}


def settings_text(witnesses: Sequence[Any], quorum: int, stop_after_s: int = 60, timeout_s: float = 2.0) -> str:
    """What goes into gateway.toml for these witnesses."""
    text = f"\n[witnesses]\nquorum = {quorum}\nstop_after_s = {stop_after_s}\ntimeout_s = {timeout_s}\n"
    return text + "".join(f'[[witnesses.known]]\nvkey = "{one.vkey}"\nurl = "{one.url}"\n' for one in witnesses)


@asynccontextmanager
async def running(*peers: "LocalWitness | Liar") -> AsyncIterator[None]:
    """Witnesses and liars, serving inside the block."""
    try:
        await asyncio.gather(*(one.start() for one in peers))
        yield
    finally:
        await asyncio.gather(*(one.stop() for one in peers))


async def until(found: Callable[[], Any], within_s: float = 10.0) -> Any:
    """Waits for something that is true; gives it."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not (value := found()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within_s} s")
        await asyncio.sleep(0.02)
    return value
