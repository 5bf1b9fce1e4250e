"""Web servers with a log in tiles for tests: an honest one, and ones that stall, drip, flood or mislead."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Behaviour = Callable[[socket.socket, threading.Event], None]
"""What a hostile server does with a connection on which it was asked something, until told to end."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder as any web server would, one answer a connection."""

    root: Path

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=str(self.root))  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """The address of a server of a folder."""
    handler = type("Handler", (_Handler,), {"root": root})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def misbehaving(behave: Behaviour) -> Iterator[str]:
    """The address of a server that behaves in a way of its own."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(0.5)
                        connection.recv(65_536)
                        behave(connection, ended)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            ended.set()
            thread.join()


def stall(_connection: socket.socket, ended: threading.Event) -> None:
    """Says nothing."""
    ended.wait()


def drip(connection: socket.socket, ended: threading.Event) -> None:
    """Sends a good answer so slowly that it never ends, each byte well before anybody's patience does."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while not ended.wait(0.02):
        connection.sendall(b"x")


def headers_without_end(connection: socket.socket, ended: threading.Event) -> None:
    """Never comes to the content."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not ended.is_set():
        connection.sendall(b"X-More: 1\r\n" * 10)


def interim_answers_without_end(connection: socket.socket, ended: threading.Event) -> None:
    """Promises an answer again and again."""
    while not ended.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def content_without_end(connection: socket.socket, ended: threading.Event) -> None:
    """Sends and sends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not ended.is_set():
        connection.sendall(b"x" * 65_536)


def trailers_without_end(connection: socket.socket, ended: threading.Event) -> None:
    """Ends its content and then goes on."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    while not ended.is_set():
        connection.sendall(b"X-More: 1\r\n" * 100)


def packed(connection: socket.socket, _ended: threading.Event) -> None:
    """Sends something that would be gigabytes if anybody unpacked it, as if that had been asked for."""
    bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0" * 100
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    connection.sendall(head.encode() + bomb)


def elsewhere(connection: socket.socket, _ended: threading.Event) -> None:
    """Sends the reader on to somebody inside its own network."""
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/secret\r\nContent-Length: 0\r\n\r\n")


def no_http(connection: socket.socket, _ended: threading.Event) -> None:
    """Speaks something else."""
    connection.sendall(b"\x00\xff" * 400)
