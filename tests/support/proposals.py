"""Proposals made without a gateway, and a gateway that shows them to a home: honestly, or as a test tells it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from keys.agreement_steps import SignedStep
from keys.certificates.csr import new_tls_key
from keys.certificates.spiffe import SpiffeId
from keys.signing import SigningKey
from nodes.agreements.acts import prepare
from nodes.agreements.chain import Received, VerifiedProposal
from oncegate.v1 import agreement_pb2, agreement_pb2_grpc
from policies.agreements import Agreement, parse_agreement
from policies.agreements.workflow import Act
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway

REASON, LAW = "因办理业务需要", "数据安全法第三十八条"


@dataclass
class Talk:
    """Two departments that talk: `school` consumes, `civil` provides.

    Args:
        texts: Makes an agreement text with some keys changed.
        consumer: School's department key.
        provider: Civil's department key.
        now_ms: The time.
    """

    texts: Callable[..., bytes]
    consumer: SigningKey
    provider: SigningKey
    now_ms: int
    proposal: VerifiedProposal | None = None

    def say(self, act: Act, text: bytes = b"", *, provider: bool = False, **changes: Any) -> VerifiedProposal:
        """Add a step."""
        self.proposal = prepare(
            self.provider if provider else self.consumer,
            "civil" if provider else "school",
            act,
            proposal=self.proposal,
            now_ms=self.now_ms,
            text=parse_agreement(text) if text else None,
            **{"reason": REASON, "law": LAW if act is Act.REFUSE else "", **changes},
        ).after
        return self.proposal

    def text(self, **changes: str) -> bytes:
        """A text between the two."""
        return self.texts(**changes)

    def agreement(self, **changes: str) -> Agreement:
        """The same, parsed."""
        return parse_agreement(self.text(**changes))


def talk_with(gateway: ExchangeGateway, folder: Any) -> Talk:
    """A talk about `civil.resident` of a test's gateway."""
    side = gateway.providers["civil.resident"]

    def text(**changes: str) -> bytes:
        raw = gateway.write_agreement(folder, side).read_bytes()
        for key, value in changes.items():
            lines = raw.decode().splitlines(keepends=True)
            raw = "".join(f"{key} = {value}\n" if line.startswith(f"{key} =") else line for line in lines).encode()
        return raw

    return Talk(text, gateway.consumer_key, side.key, gateway.now_ms)


@dataclass
class Showing(agreement_pb2_grpc.AgreementServiceServicer):
    """A gateway that shows one proposal.

    Args:
        received: Its steps.
        twist: Changes an answer before it leaves.
    """

    received: list[Received] = field(default_factory=list)
    twist: Callable[[agreement_pb2.GetProposalResponse], None] = lambda _: None
    submitted: list[agreement_pb2.SubmitStepRequest] = field(default_factory=list)
    proposal_id: str = ""
    agreement_id: str = "civil-school"
    at_once: int = 100
    address: str = ""

    def show(self, proposal: VerifiedProposal) -> None:
        """From now on show this one."""
        self.received, self.proposal_id = list(proposal.received), proposal.id

    async def GetProposal(self, request: Any, context: Any) -> agreement_pb2.GetProposalResponse:  # noqa: N802
        """Some steps."""
        del context
        response = agreement_pb2.GetProposalResponse(proposal=self._summary())
        for one in self.received[request.after : request.after + self.at_once]:
            response.steps.add(
                step=agreement_pb2.SignedStep(
                    body=one.signed.body, signature=one.signed.signature, department_key=one.signed.department_key
                ),
                text=one.text,
                agreement_signature=one.agreement_signature,
                received_unix_ms=one.received_ms,
            )
        self.twist(response)
        return response

    async def ListProposals(self, request: Any, context: Any) -> agreement_pb2.ListProposalsResponse:  # noqa: N802
        """The one."""
        del request, context
        return agreement_pb2.ListProposalsResponse(proposals=[self._summary()])

    async def SubmitStep(self, request: Any, context: Any) -> agreement_pb2.SubmitStepResponse:  # noqa: N802
        """Takes whatever comes."""
        del context
        self.submitted.append(request)
        signed = SignedStep(request.step.body, request.step.signature, request.step.department_key)
        self.received.append(Received(signed, request.text, request.agreement_signature, 1))
        return agreement_pb2.SubmitStepResponse(proposal=self._summary())

    def _summary(self) -> agreement_pb2.Proposal:
        return agreement_pb2.Proposal(
            proposal_id=self.proposal_id,
            agreement_id=self.agreement_id,
            provider="civil",
            consumer="school",
            status="review",
            talk="review",
            turn="provider",
            steps=len(self.received),
        )


@asynccontextmanager
async def showing(gateway: ExchangeGateway) -> AsyncIterator[Showing]:
    """The systems' door of such a gateway on a free port."""
    service = Showing()
    server = grpc.aio.server()
    agreement_pb2_grpc.add_AgreementServiceServicer_to_server(service, server)
    key = new_tls_key()
    pair = (key, gateway.leaf_certificate(SpiffeId(DOMAIN, "", "gateway", "main"), key, server=True))
    mutual = grpc.ssl_server_credentials([pair], gateway.authority.certificate_pem, require_client_auth=True)
    service.address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', mutual)}"
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)
