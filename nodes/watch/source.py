"""Where a log is read from: checkpoints and proofs hold only hashes and are for everyone, so no identity is shown."""

from collections.abc import Awaitable, Callable
from typing import Protocol, Self, TypeVar

import grpc
from google.protobuf.message import Message

from keys.log.epochs import MOST_EPOCHS
from nodes.enrolment.channel import people_channel
from nodes.enrolment.home import Home
from nodes.enrolment.refusals import refusal
from oncegate.v1 import audit_pb2
from oncegate.v1.audit_pb2_grpc import AuditServiceStub

TIMEOUT_S = 20.0
LONGEST_PATH = 64
"""A path in a tree of up to 2^63 entries has at most 63 hashes."""

Got = TypeVar("Got")


class LogSource(Protocol):
    """A log as a member reads it. Nothing it returns is believed before it was verified."""

    async def checkpoint(self) -> str:
        """The newest signed note."""

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """A proof that the log of `new_size` continues that of `old_size`."""

    async def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """A proof that an entry is in the log of that size."""

    async def epochs(self) -> tuple[str, ...]:
        """The signed statements of the log's later epochs, oldest first."""


class GrpcLog:
    """The gateway's log, read at the people's door. Use it as an asynchronous context manager.

    Args:
        home: An enrolled home: where the door is, and which CA to accept.
    """

    def __init__(self, home: Home) -> None:
        self._channel = people_channel(home.addresses().people, home.trust().ca_pem)
        self._stub = AuditServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close(None)

    async def checkpoint(self) -> str:
        """See `LogSource`.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        response: audit_pb2.GetCheckpointResponse = await _call(
            self._stub.GetCheckpoint, audit_pb2.GetCheckpointRequest()
        )
        return response.checkpoint

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """See `LogSource`.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        request = audit_pb2.GetConsistencyProofRequest(old_size=old_size, new_size=new_size)
        response: audit_pb2.GetConsistencyProofResponse = await _call(self._stub.GetConsistencyProof, request)
        return tuple(response.path[:LONGEST_PATH])

    async def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """See `LogSource`.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        request = audit_pb2.GetInclusionProofRequest(leaf_index=index, tree_size=size)
        response: audit_pb2.GetInclusionProofResponse = await _call(self._stub.GetInclusionProof, request)
        return tuple(response.path[:LONGEST_PATH])

    async def epochs(self) -> tuple[str, ...]:
        """See `LogSource`.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        response: audit_pb2.ListEpochsResponse = await _call(self._stub.ListEpochs, audit_pb2.ListEpochsRequest())
        return tuple(response.statements[:MOST_EPOCHS])


async def _call(method: Callable[..., Awaitable[Got]], request: Message) -> Got:
    try:
        return await method(request, timeout=TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        raise refusal(error) from error
