"""The yardstick: a bare grpcio unary proxy in front of two echo nodes, with the same mTLS, payload bytes and processes.

Run as `python -m tests.bench.bare node|proxy …`; each role is a process of its own, like a gateway and its nodes.
Nothing is parsed, checked, sealed or stored: what is left is what gRPC itself costs on this machine.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc

FETCH = "/bare.Proxy/Fetch"
ASK = "/bare.Node/Ask"


def server_credentials(tls: Path) -> grpc.ServerCredentials:
    """mTLS as on the systems' door."""
    pair = ((tls / "server.key").read_bytes(), (tls / "server.crt").read_bytes())
    return grpc.ssl_server_credentials([pair], (tls / "ca.crt").read_bytes(), require_client_auth=True)


def channel(address: str, tls: Path) -> Any:
    """A client's end of the same."""
    credentials = grpc.ssl_channel_credentials(
        (tls / "ca.crt").read_bytes(), (tls / "client.key").read_bytes(), (tls / "client.crt").read_bytes()
    )
    return grpc.aio.secure_channel(address, credentials)


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, method: str, serve: Any) -> None:
        self._method = method
        self._handler = grpc.unary_unary_rpc_method_handler(serve)

    def service(self, details: Any) -> Any:
        return self._handler if details.method == self._method else None


async def _serve(method: str, handler: Any, tls: Path) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Handler(method, handler),))
    port = server.add_secure_port("127.0.0.1:0", server_credentials(tls))
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


async def node(tls: Path, reply_bytes: int) -> None:
    """Answers every ask with so many bytes."""
    reply = bytes(reply_bytes)

    async def ask(_request: bytes, _context: Any) -> bytes:
        return reply

    await _serve(ASK, ask, tls)


async def proxy(tls: Path, nodes: Sequence[str], ask_bytes: int, answer_bytes: int) -> None:
    """Asks every node at once and answers when all have."""
    calls = [channel(address, tls).unary_unary(ASK) for address in nodes]
    ask = bytes(ask_bytes)
    answer = bytes(answer_bytes)

    async def fetch(_request: bytes, _context: Any) -> bytes:
        await asyncio.gather(*(call(ask) for call in calls))
        return answer

    await _serve(FETCH, fetch, tls)


def main() -> None:
    """Parse the role and run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("node", "proxy"))
    parser.add_argument("--tls", type=Path, required=True)
    parser.add_argument("--reply-bytes", type=int, default=0)
    parser.add_argument("--ask-bytes", type=int, default=0)
    parser.add_argument("--answer-bytes", type=int, default=0)
    parser.add_argument("--node", action="append", default=[])
    given = parser.parse_args()
    if given.role == "node":
        asyncio.run(node(given.tls, given.reply_bytes))
    else:
        asyncio.run(proxy(given.tls, given.node, given.ask_bytes, given.answer_bytes))


if __name__ == "__main__":
    main()
