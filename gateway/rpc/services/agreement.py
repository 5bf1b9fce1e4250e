"""AgreementService: proposals of agreements, step by step."""

from typing import Any, Final

from gateway.errors import bad_request
from gateway.exchange.negotiate import Negotiate
from gateway.rpc.callers import certificate
from gateway.sharing.proposals import Proposal
from keys.agreement_steps import LARGEST_BODY, SignedStep
from oncegate.v1 import agreement_pb2, agreement_pb2_grpc

_MAX_KEY: Final = 1024
_MAX_SIGNATURE: Final = 128
_ROOM: Final = 1 << 20
"""Bytes of steps in one response."""


class AgreementServicer(agreement_pb2_grpc.AgreementServiceServicer):
    """Submit, list and read.

    Args:
        negotiate: The use cases; they find the department in the certificate.
    """

    def __init__(self, negotiate: Negotiate) -> None:
        self._negotiate = negotiate

    async def SubmitStep(  # noqa: N802
        self, request: agreement_pb2.SubmitStepRequest, context: Any
    ) -> agreement_pb2.SubmitStepResponse:
        """See agreement.proto."""
        step = request.step
        for field, value, most in (
            ("step.body", step.body, LARGEST_BODY),
            ("step.signature", step.signature, _MAX_SIGNATURE),
            ("step.department_key", step.department_key, _MAX_KEY),
        ):
            if not 1 <= len(value) <= most:
                raise bad_request(field, f"must be 1 to {most} bytes")
        if len(request.agreement_signature) > _MAX_SIGNATURE:
            raise bad_request("agreement_signature", f"must be at most {_MAX_SIGNATURE} bytes")
        signed = SignedStep(step.body, step.signature, step.department_key)
        proposal = await self._negotiate.submit(certificate(context), signed, request.text, request.agreement_signature)
        return agreement_pb2.SubmitStepResponse(proposal=_message(proposal))

    async def ListProposals(  # noqa: N802
        self, request: agreement_pb2.ListProposalsRequest, context: Any
    ) -> agreement_pb2.ListProposalsResponse:
        """See agreement.proto."""
        page = await self._negotiate.list(
            certificate(context), waiting=request.waiting, cursor=request.page_token, limit=request.page_size
        )
        return agreement_pb2.ListProposalsResponse(
            proposals=[_message(proposal) for proposal in page.proposals], next_page_token=page.next_cursor
        )

    async def GetProposal(  # noqa: N802
        self, request: agreement_pb2.GetProposalRequest, context: Any
    ) -> agreement_pb2.GetProposalResponse:
        """See agreement.proto."""
        proposal, chain = await self._negotiate.read(certificate(context), request.proposal_id)
        response = agreement_pb2.GetProposalResponse(proposal=_message(proposal))
        room = _ROOM
        for kept in chain.kept[request.after :]:
            room -= len(kept.signed.body) + len(kept.text)
            # There is always room for one, so that whoever asks again gets on.
            if room < 0 and response.steps:
                break
            response.steps.add(
                step=agreement_pb2.SignedStep(
                    body=kept.signed.body, signature=kept.signed.signature, department_key=kept.signed.department_key
                ),
                text=kept.text,
                agreement_signature=kept.agreement_signature,
                received_unix_ms=kept.received_ms,
            )
        return response


def _message(proposal: Proposal) -> agreement_pb2.Proposal:
    return agreement_pb2.Proposal(
        proposal_id=proposal.id,
        agreement_id=proposal.agreement_id,
        provider=proposal.provider,
        consumer=proposal.consumer,
        resource=proposal.resource,
        revision=proposal.revision,
        revision_in_force=proposal.revision_in_force,
        status=proposal.status,
        talk=proposal.talk,
        turn=proposal.turn,
        steps=proposal.steps,
        opened_unix_ms=proposal.opened_ms,
        changed_unix_ms=proposal.changed_ms,
        due_unix_ms=proposal.due_ms,
        late=proposal.late is not None,
        late_working_days=proposal.late or 0,
    )
