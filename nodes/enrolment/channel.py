"""gRPC channels to the gateway's two doors.

The server is always authenticated by the CA certificates that came with the enrolment token or the trust bundle,
never by the machine's public CAs. A member's own certificate carries no server usage, so no other member can pose as
the gateway. Channels do not see a renewed certificate: whoever holds one opens another when `Home.stamp` changes.
"""

from collections.abc import Sequence

import grpc

from nodes.enrolment.home import TlsIdentity

LARGEST_MESSAGE = 16 * 1024 * 1024
OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", 256 * 1024),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 2),
    ("grpc.use_local_subchannel_pool", 1),
    # A gateway that restarts is back within seconds; grpc's own pause grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def people_channel(address: str, ca_pem: bytes) -> grpc.aio.Channel:
    """A channel to the people's door: the server proves itself, the client has no certificate yet.

    Args:
        address: host:port.
        ca_pem: CA certificates to accept.

    Returns:
        The channel; the caller closes it.
    """
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca_pem), options=OPTIONS)


def systems_channel(address: str, tls: TlsIdentity) -> grpc.aio.Channel:
    """A channel to the systems' door under mutual TLS.

    Args:
        address: host:port.
        tls: Who this member is and which CAs to accept.

    Returns:
        The channel; the caller closes it.
    """
    credentials = grpc.ssl_channel_credentials(tls.ca_pem, tls.key_pem, tls.certificate_pem)
    return grpc.aio.secure_channel(address, credentials, options=OPTIONS)
