"""EnrolmentService: certificates for nodes and systems."""

import asyncio
from typing import Any

from gateway.errors import bad_request
from gateway.exchange.membership import Membership
from gateway.rpc.callers import certificate
from gateway.rpc.codec import certified_keys
from gateway.rpc.trust import Trust
from oncegate.v1 import enrolment_pb2, enrolment_pb2_grpc

_MAX_SECRET = 128
_MAX_CSR = 4096


class EnrolmentServicer(enrolment_pb2_grpc.EnrolmentServiceServicer):
    """Enrol and renew.

    Args:
        membership: The use cases; they block on durable writes, so they run beside the event loop.
        trust: What every peer must know of the gateway.
    """

    def __init__(self, membership: Membership, trust: Trust) -> None:
        self._membership = membership
        self._trust = trust

    async def Enrol(self, request: enrolment_pb2.EnrolRequest, context: Any) -> enrolment_pb2.EnrolResponse:  # noqa: N802
        """See enrolment.proto."""
        del context
        if not 1 <= len(request.token_secret) <= _MAX_SECRET:
            raise bad_request("token_secret", f"must be 1 to {_MAX_SECRET} characters")
        _check_csr(request.csr)
        keys = certified_keys(request.keys)
        issued = await asyncio.to_thread(self._membership.enrol, request.token_secret, request.csr, keys)
        return enrolment_pb2.EnrolResponse(certificate_pem=issued.leaf.certificate_pem, trust=self._trust.message())

    async def Renew(self, request: enrolment_pb2.RenewRequest, context: Any) -> enrolment_pb2.RenewResponse:  # noqa: N802
        """See enrolment.proto."""
        _check_csr(request.csr)
        keys = certified_keys(request.keys) if request.HasField("keys") else None
        issued = await asyncio.to_thread(self._membership.renew, certificate(context), request.csr, keys)
        return enrolment_pb2.RenewResponse(certificate_pem=issued.leaf.certificate_pem, trust=self._trust.message())


def _check_csr(csr: bytes) -> None:
    if not 1 <= len(csr) <= _MAX_CSR:
        raise bad_request("csr", f"must be 1 to {_MAX_CSR} bytes")
