"""The people's door from the command line: a TLS channel that trusts exactly the gateway's CA, and a bearer token."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from gateway.cli.output import EXIT_USAGE, fail

DEADLINE_S = 20.0
_MAX_MESSAGE = 16 << 20


@contextmanager
def people_channel(address: str, ca_file: Path) -> Iterator[grpc.Channel]:
    """A channel to the people's door."""
    credentials = grpc.ssl_channel_credentials(root_certificates=ca_file.read_bytes())
    options = [("grpc.max_receive_message_length", _MAX_MESSAGE)]
    with grpc.secure_channel(address, credentials, options) as channel:
        yield channel


def bearer_metadata(token_file: Path) -> tuple[tuple[str, str], ...]:
    """The metadata that carries the token in a file."""
    token = token_file.read_text(encoding="ascii", errors="replace").strip()
    if not token or not token.isascii() or any(ch.isspace() for ch in token):
        fail(f"{token_file}: holds no token", EXIT_USAGE)
    return (("authorization", f"Bearer {token}"),)
