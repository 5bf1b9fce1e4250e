"""Brings steps of proposals to the gateway and reads proposals back, verified, in the name of a node or system.

A member brings what its department signed; it cannot sign itself. The same step may be brought again after a break.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc

from keys.agreement_steps import SignedStep
from nodes.agreements.chain import Received, VerifiedProposal, verify
from nodes.agreements.errors import ProposalUntrusted
from nodes.agreements.memory import Memory
from nodes.enrolment.channel import systems_channel
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from nodes.enrolment.refusals import refusal
from oncegate.v1 import agreement_pb2
from oncegate.v1.agreement_pb2_grpc import AgreementServiceStub

TIMEOUT_S: Final = 30.0
PAGE: Final = 100
MOST_PAGES: Final = 1000
_DIGITS: Final = 32
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Summary:
    """Where a proposal is, in the gateway's words.

    Args:
        id: 32 hex digits.
        agreement_id: Id of the agreement.
        provider: Department id.
        consumer: Department id.
        resource: Resource code.
        revision: Of the text that is talked about, else of the one in force.
        revision_in_force: 0 while there is none.
        status: The agreement in one word.
        talk: Where the talk about a text is.
        turn: consumer, provider or empty.
        steps: How many there are.
        opened_ms: When it was proposed, Unix ms.
        changed_ms: When the last step came, Unix ms.
        due_ms: First moment that is too late for whoever is waited for, Unix ms; 0 when nobody is.
        late: By how many working days that party is late; None when it is not.
    """

    id: str
    agreement_id: str
    provider: str
    consumer: str
    resource: str
    revision: int
    revision_in_force: int
    status: str
    talk: str
    turn: str
    steps: int
    opened_ms: int
    changed_ms: int
    due_ms: int
    late: int | None

    @property
    def waited_for(self) -> str:
        """Department that is waited for; empty when none is."""
        return {"consumer": self.consumer, "provider": self.provider}.get(self.turn, "")


class AgreementClient:
    """The proposals of one department.

    Args:
        home: An enrolled home of a node or system.

    Raises:
        HomeInvalid: The home is not enrolled or damaged.
    """

    def __init__(self, home: Home) -> None:
        self._memory = Memory(home)
        self._tls = home.tls()
        self._address = home.addresses().systems

    async def __aenter__(self) -> Self:
        self._channel = systems_channel(self._address, self._tls)
        self._stub = AgreementServiceStub(self._channel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close(None)

    async def submit(self, signed: SignedStep, text: bytes = b"", agreement_signature: bytes = b"") -> Summary:
        """Brings one step.

        Args:
            signed: The step.
            text: The agreement text that the act brings.
            agreement_signature: With an approval, the provider's signature over the approved text.

        Returns:
            Where the proposal is now.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time; bring the same step again.
        """
        request = agreement_pb2.SubmitStepRequest(
            step=agreement_pb2.SignedStep(
                body=signed.body, signature=signed.signature, department_key=signed.department_key
            ),
            text=text,
            agreement_signature=agreement_signature,
        )
        response: agreement_pb2.SubmitStepResponse = await _call(self._stub.SubmitStep(request, timeout=TIMEOUT_S))
        return _summary(response.proposal)

    async def list(self, *, waiting: bool = False) -> tuple[Summary, ...]:
        """The department's proposals, on either side.

        Args:
            waiting: Only those in which the department is waited for.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time.
        """
        found: list[Summary] = []
        token = ""
        for _ in range(MOST_PAGES):
            request = agreement_pb2.ListProposalsRequest(waiting=waiting, page_size=PAGE, page_token=token)
            page: agreement_pb2.ListProposalsResponse = await _call(
                self._stub.ListProposals(request, timeout=TIMEOUT_S)
            )
            found += [_summary(proposal) for proposal in page.proposals]
            # A page without progress would make a faulty gateway keep us for ever.
            if not page.next_page_token or page.next_page_token == token:
                break
            token = page.next_page_token
        return tuple(found)

    async def get(self, proposal_id: str) -> tuple[Summary, VerifiedProposal]:
        """One proposal, verified, and compared with what this home saw of it before.

        Args:
            proposal_id: 32 hex digits.

        Raises:
            RequestRefused: NOT_FOUND when the department has no such proposal.
            GatewayUnreachable: It was not reached in time.
            ProposalUntrusted: A step does not hold, or the past is another one.
        """
        received: list[Received] = []
        while True:
            request = agreement_pb2.GetProposalRequest(proposal_id=proposal_id, after=len(received))
            response: agreement_pb2.GetProposalResponse = await _call(
                self._stub.GetProposal(request, timeout=TIMEOUT_S)
            )
            received += [
                Received(
                    SignedStep(one.step.body, one.step.signature, one.step.department_key),
                    one.text,
                    one.agreement_signature,
                    one.received_unix_ms,
                )
                for one in response.steps
            ]
            if len(received) >= response.proposal.steps or not response.steps:
                break
        proposal = verify(received)
        if proposal.id != proposal_id:
            raise ProposalUntrusted("it is another proposal than the one asked for")
        self._memory.check(proposal)
        return _summary(response.proposal), proposal

    async def find(self, named: str) -> tuple[Summary, VerifiedProposal]:
        """One proposal by its own id or by its agreement's: the one that has not ended, else the newest.

        Args:
            named: What a person typed.

        Raises:
            BadInput: The department has none of that name.
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time.
            ProposalUntrusted: A step does not hold, or the past is another one.
        """
        if len(named) == _DIGITS and set(named) <= set("0123456789abcdef"):
            return await self.get(named)
        same = [summary for summary in await self.list() if summary.agreement_id == named]
        if not same:
            raise BadInput("proposal", "there is none of this id, nor one for an agreement of this id")
        open_first = sorted(same, key=lambda one: (one.status not in {"refused", "withdrawn"}, one.opened_ms))
        summary, proposal = await self.get(open_first[-1].id)
        if proposal.history.first.id != named:
            raise ProposalUntrusted("it is about another agreement than the gateway says")
        return summary, proposal


async def _call(answer: Awaitable[Got]) -> Got:
    try:
        return await answer
    except grpc.aio.AioRpcError as error:
        raise refusal(error) from error


Call = Callable[[AgreementClient], Awaitable[Got]]


async def calling(home: Home, work: Call[Got]) -> Got:
    """Does something with a client that is closed afterwards.

    Args:
        home: An enrolled home of a node or system.
        work: What to do.

    Returns:
        What it returns.
    """
    async with AgreementClient(home) as client:
        return await work(client)


def _summary(message: agreement_pb2.Proposal) -> Summary:
    return Summary(
        id=message.proposal_id,
        agreement_id=message.agreement_id,
        provider=message.provider,
        consumer=message.consumer,
        resource=message.resource,
        revision=message.revision,
        revision_in_force=message.revision_in_force,
        status=message.status,
        talk=message.talk,
        turn=message.turn,
        steps=message.steps,
        opened_ms=message.opened_unix_ms,
        changed_ms=message.changed_unix_ms,
        due_ms=message.due_unix_ms,
        late=message.late_working_days if message.late else None,
    )
