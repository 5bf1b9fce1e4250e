"""The door for tiles answers GET and HEAD of the log's files, and refuses or bounds everything else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
import pytest_asyncio

from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.rpc.tiles_door import TilesDoor

FILES = {"checkpoint": b"a note\n", "tile/0/000": b"\x01" * 8192, "tile/entries/000.p/1": b"\0\x01x"}


def read(path: str) -> bytes:
    if path == "tile/0/001":
        raise LedgerCorrupt("a tree hash is missing", leaf_index=300)
    if path == "tile/0/002":
        raise RuntimeError("the database is gone")
    if path not in FILES:
        raise NoSuchEntry("there is no such file")
    return FILES[path]


@pytest_asyncio.fixture
async def door() -> AsyncIterator[TilesDoor]:
    door = TilesDoor("127.0.0.1:0", read)
    await door.start()
    yield door
    await door.stop()
    for client in Client.opened:
        client.writer.close()
        with contextlib.suppress(ConnectionError):
            await client.writer.wait_closed()
    Client.opened.clear()


class Client:
    opened: ClassVar[list["Client"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.opened.append(self)

    @classmethod
    async def of(cls, door: TilesDoor) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", door.port))

    async def ask(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(raw)
        return await self.answer(body=not raw.startswith(b"HEAD"))

    async def answer(self, *, body: bool = True) -> tuple[int, dict[str, str], bytes]:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:-2])
        length = int(headers["Content-Length"])
        return int(head[0].split()[1]), headers, await self.reader.readexactly(length) if body else b""

    async def is_closed(self) -> bool:
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(1), 10) == b""
        return True

    def close(self) -> None:
        self.writer.close()


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} /{path} HTTP/{version}", "Host: log", *headers, "", ""]).encode()


async def test_files_have_the_types_and_lifetimes_of_the_specification(door: TilesDoor) -> None:
    client = await Client.of(door)
    status, headers, content = await client.ask(get("checkpoint"))
    assert (status, content) == (200, b"a note\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Cache-Control"] == "public, max-age=1"
    for path in ("tile/0/000", "tile/entries/000.p/1"):
        status, headers, content = await client.ask(get(path))
        assert (status, content) == (200, FILES[path])
        assert headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in headers["Cache-Control"]
    client.close()


async def test_head_says_the_same_without_the_content(door: TilesDoor) -> None:
    client = await Client.of(door)
    status, headers, _ = await client.ask(get("tile/0/000", method="HEAD"))
    assert (status, headers["Content-Length"]) == (200, "8192")
    # The connection goes on right behind the headers.
    assert (await client.ask(get("checkpoint")))[2] == b"a note\n"
    client.close()


async def test_requests_sent_together_are_answered_in_order(door: TilesDoor) -> None:
    client = await Client.of(door)
    client.writer.write(get("checkpoint") + get("nothing") + get("tile/entries/000.p/1", "Connection: close"))
    answers = [await client.answer() for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 404, 200]
    assert await client.is_closed()


async def test_what_is_not_there_or_does_not_fit_is_not_cached(door: TilesDoor) -> None:
    client = await Client.of(door)
    for path, expected in (("tile/9/000", 404), ("x" * 500, 404), ("tile/0/001", 503), ("tile/0/002", 503)):
        status, headers, content = await client.ask(get(path))
        assert (status, headers["Cache-Control"], content) == (expected, "no-store", b"")
    client.close()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (get("checkpoint", method="POST"), 405),
        (get("checkpoint", method="DELETE"), 405),
        (get("checkpoint", "Content-Length: 5"), 400),
        (get("checkpoint", "Content-Length: +0"), 400),
        (get("checkpoint", "Transfer-Encoding: chunked"), 400),
        (get("checkpoint", "transfer-encoding : chunked"), 400),
        (get("checkpoint", " folded: line"), 400),
        (get("checkpoint", "Name: a\x00b"), 400),
        (get("checkpoint", version="2.0"), 400),
        (get("a b"), 400),
        (get("\xe4".encode().decode("latin-1")), 400),
        (b"GET checkpoint HTTP/1.1\r\n\r\n", 400),
        (b"GET http://log/checkpoint HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (get("checkpoint", "Name: " + "x" * 9000), 431),
        (b"x" * 20_000, 431),
    ],
)
async def test_what_is_no_such_request_is_refused_and_the_connection_closed(
    door: TilesDoor, raw: bytes, expected: int
) -> None:
    client = await Client.of(door)
    status, _, content = await client.ask(raw)
    assert (status, content) == (expected, b"")
    assert await client.is_closed()


async def test_an_old_client_is_answered_and_its_connection_closed(door: TilesDoor) -> None:
    client = await Client.of(door)
    assert (await client.ask(get("checkpoint", version="1.0")))[0] == 200
    assert await client.is_closed()


async def test_a_silent_connection_is_closed(door: TilesDoor) -> None:
    impatient = TilesDoor("127.0.0.1:0", read, idle_s=0.1)
    await impatient.start()
    client = await Client.of(impatient)
    client.writer.write(b"GET /check")
    assert await client.is_closed()
    await impatient.stop()


async def test_more_connections_than_there_may_be_are_closed_and_room_comes_back(door: TilesDoor) -> None:
    clients = [await Client.of(door) for _ in range(64)]
    for client in clients:
        assert (await client.ask(get("checkpoint")))[0] == 200
    beyond = await Client.of(door)
    assert await beyond.is_closed()
    clients.pop().close()
    for _ in range(100):
        again = await Client.of(door)
        again.writer.write(get("checkpoint"))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert (await again.answer())[0] == 200
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("no room came back")
    for client in clients:
        client.close()
    again.close()


async def test_a_door_that_stops_leaves_nothing_open(door: TilesDoor) -> None:
    client = await Client.of(door)
    await client.ask(get("checkpoint"))
    await asyncio.wait_for(door.stop(), 10)
    assert await client.is_closed()
    assert door.port == 0
    await door.stop()
