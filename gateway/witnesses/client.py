"""One HTTP/1.1 request to a witness, over http or https, with a bound on everything that comes back.

Nothing of the answer is believed here: status, type and a body of at most `LONGEST_BODY` bytes that came in time. One
connection for each request: a witness is asked at most twice a second, and a connection that is kept is one more thing
that a lying peer can play with. Redirects are not followed.
"""

import asyncio
import re
import ssl
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway.witnesses.errors import WitnessFailed

LONGEST_BODY: Final = 64 * 1024
_LONGEST_HEAD: Final = 16 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?", re.ASCII)
_LENGTH: Final = re.compile(rb"[0-9]{1,9}", re.ASCII)
_CHUNK: Final = re.compile(rb"[0-9A-Fa-f]{1,8}", re.ASCII)
_HOST: Final = re.compile(r"[0-9A-Za-z.:\[\]-]{1,255}", re.ASCII)
_PATH: Final = re.compile(r"(/[0-9A-Za-z._~!$&'()*+,;=:@%-]*)*", re.ASCII)


class HttpAnswer(NamedTuple):
    """What came back.

    Attributes:
        status: The status.
        kind: The content type, lower case, without parameters.
        body: The content.
    """

    status: int
    kind: str
    body: bytes


class BadAddress(Exception):
    """The text is no address of a witness; it names the rule."""


class WitnessAddress:
    """Where a witness is.

    Args:
        url: http or https, a host, and a path that every request begins with.

    Raises:
        BadAddress: It is not one, or it holds a query, a fragment or a user.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BadAddress("must be http:// or https:// with a host") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not _HOST.fullmatch(parts.netloc):
            raise BadAddress("must be http:// or https:// with a host, and no user")
        if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
            raise BadAddress("must end with a plain path")
        self._host = parts.hostname
        self._authority = parts.netloc
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")

    async def post(self, path: str, body: bytes, timeout_s: float) -> HttpAnswer:
        """Sends a body.

        Raises:
            WitnessFailed: No whole answer came in time.
        """
        head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        return await self._exchange("POST", path, head, body, timeout_s)

    async def get(self, path: str, timeout_s: float) -> HttpAnswer:
        """Asks for something.

        Raises:
            WitnessFailed: No whole answer came in time.
        """
        return await self._exchange("GET", path, "", b"", timeout_s)

    async def _exchange(self, method: str, path: str, head: str, body: bytes, timeout_s: float) -> HttpAnswer:
        lines = f"{method} {self._prefix}{path} HTTP/1.1\r\nHost: {self._authority}\r\nConnection: close\r\n{head}\r\n"
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls, limit=_LONGEST_HEAD
                )
                try:
                    writer.write(lines.encode() + body)
                    await writer.drain()
                    return await _answer(reader)
                finally:
                    # Not waited for: whoever does not answer does not say good-bye either.
                    writer.transport.abort()
        except TimeoutError:
            raise WitnessFailed("no answer in time") from None
        except asyncio.IncompleteReadError:
            raise WitnessFailed("the answer breaks off") from None
        except asyncio.LimitOverrunError:
            raise WitnessFailed("the answer is too large") from None
        except ssl.SSLError:
            raise WitnessFailed("its certificate is not accepted") from None
        except (OSError, UnicodeError):
            raise WitnessFailed("cannot be reached") from None


async def _answer(reader: asyncio.StreamReader) -> HttpAnswer:
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].split(b"\r\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise WitnessFailed("the answer is not HTTP")
    said = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    lengths = [value for name, value in said if name == b"content-length"]
    if any(name == b"transfer-encoding" and value.lower() != b"identity" for name, value in said):
        body = await _chunked(reader)
    elif lengths:
        if len(set(lengths)) != 1 or not _LENGTH.fullmatch(lengths[0]):
            raise WitnessFailed("the answer is not HTTP")
        if int(lengths[0]) > LONGEST_BODY:
            raise WitnessFailed("the answer is too large")
        body = await reader.readexactly(int(lengths[0]))
    else:
        body = await _to_the_end(reader)
    kinds = [value for name, value in said if name == b"content-type"]
    kind = kinds[0].split(b";")[0].strip().lower().decode("ascii", "replace") if kinds else ""
    return HttpAnswer(int(found[1]), kind, body)


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while more := await reader.read(LONGEST_BODY):
        body += more
        if len(body) > LONGEST_BODY:
            raise WitnessFailed("the answer is too large")
    return body


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks, as proxies send it; trailers are not read."""
    body = b""
    while True:
        line = (await reader.readuntil(b"\r\n"))[:-2].partition(b";")[0].strip()
        if not _CHUNK.fullmatch(line):
            raise WitnessFailed("the answer is not HTTP")
        size = int(line, 16)
        if len(body) + size > LONGEST_BODY:
            raise WitnessFailed("the answer is too large")
        if size == 0:
            return body
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise WitnessFailed("the answer is not HTTP")
