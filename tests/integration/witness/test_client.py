"""What the gateway's HTTP client takes from a witness or the proxy before it, and what it does not; real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.witnesses.client import LONGEST_BODY, WitnessAddress
from gateway.witnesses.errors import WitnessFailed
from tests.support.witnesses import Liar, drips, running

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def answering(raw: bytes, path: str = "") -> AsyncIterator[tuple[WitnessAddress, list[bytes]]]:
    """A peer that answers everything with the same bytes and closes."""
    seen: list[bytes] = []

    async def behave(_: Liar, request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(raw)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    peer = Liar("witness.example/peer", behave)
    async with running(peer):
        yield WitnessAddress(peer.url + path), seen


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (OK + b"content-length:3\r\nX: y\r\n\r\nabcdef", b"abc"),
        (OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (OK + b"\r\nabc", b"abc"),
        (b"HTTP/1.0 200\r\n\r\nabc", b"abc"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", b"abc"),
    ],
)
async def test_an_answer_is_read_whole_however_it_says_its_length(raw: bytes, body: bytes) -> None:
    async with answering(raw) as (address, _):
        answer = await address.get("/x", 5)
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nabc",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Length: -3\r\n\r\nabc",
        OK + b"Content-Length: 0x3\r\n\r\nabc",
        OK + f"Content-Length: {LONGEST_BODY + 1}\r\n\r\n".encode() + b"x" * (LONGEST_BODY + 1),
        OK + b"\r\n" + b"x" * (LONGEST_BODY + 1),
        OK + b"X: " + b"y" * 40_000 + b"\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ],
)
async def test_what_is_no_whole_answer_is_a_failure(raw: bytes) -> None:
    async with answering(raw) as (address, _):
        with pytest.raises(WitnessFailed):
            await address.get("/x", 5)


async def test_the_path_of_the_address_comes_first() -> None:
    async with answering(OK + b"Content-Length: 0\r\n\r\n", "/city/") as (address, seen):
        await address.post("/add-checkpoint", b"", 5)
    assert seen[0].startswith(b"POST /city/add-checkpoint HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 0\r\n" in seen[0]


async def test_the_time_for_an_answer_is_for_all_of_it() -> None:
    peer = Liar("witness.example/peer", drips)
    async with running(peer):
        with pytest.raises(WitnessFailed, match="in time"):
            await WitnessAddress(peer.url).get("/x", 0.2)


async def test_a_peer_without_a_certificate_is_not_believed_over_https() -> None:
    peer = Liar("witness.example/peer", drips)
    async with running(peer):
        with pytest.raises(WitnessFailed):
            await WitnessAddress(peer.url.replace("http:", "https:")).get("/x", 0.5)
