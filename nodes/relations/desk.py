"""The people's door of the gateway, as the audit office's machine uses it: questions, sealed identities, answers.

What is sealed is opened here, with the auditors' private key, and believed only where it belongs to the very pair that
was asked for: that of one question are the official and the person whom its entry names.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc

from keys.errors import SealError
from keys.identities import Identity, Place, Whose, open_identity
from keys.sealing import SealingKey
from nodes.enrolment.channel import people_channel
from nodes.enrolment.errors import RequestRefused
from nodes.enrolment.refusals import refusal
from oncegate.v1 import identity_pb2, relation_pb2, relation_pb2_grpc

RELATIONS: Final[Mapping[str, "relation_pb2.Relation"]] = {
    "colleague": relation_pb2.RELATION_COLLEAGUE,
    "family": relation_pb2.RELATION_FAMILY,
    "same_address": relation_pb2.RELATION_SAME_ADDRESS,
    "same_surname": relation_pb2.RELATION_SAME_SURNAME,
}
_WHOSE: Final = {Whose.PERSON: identity_pb2.WHOSE_PERSON, Whose.OFFICIAL: identity_pb2.WHOSE_OFFICIAL}
_NOT_SEALED: Final = "IDENTITY_NOT_SEALED"
_TIMEOUT_S: Final = 30.0
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Question:
    """A pair that is worth asking about.

    Attributes:
        pair: Token of the pair.
        entry: Entry of the access log that names official and person.
    """

    pair: bytes = field(repr=False)
    entry: int


class Desk:
    """The gateway's desk for relations; use it as an asynchronous context.

    Args:
        address: host:port of the people's door.
        ca_pem: CA certificates by which the gateway proves itself.
        token: Gives an auditor's OIDC token, fresh for each call.
        keys: The auditors' private keys by their fingerprint.
    """

    def __init__(self, address: str, ca_pem: bytes, token: Callable[[], str], keys: Mapping[bytes, SealingKey]) -> None:
        self._channel = people_channel(address, ca_pem)
        self._stub: Any = relation_pb2_grpc.RelationServiceStub(self._channel)
        self._token = token
        self._keys = keys

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close(None)

    async def questions(self, most: int) -> Sequence[Question]:
        """What is to be asked today, the most suspicious first.

        Raises:
            NodeError: The gateway refused or was not reached.
        """
        response = await self._call(
            self._stub.ListRelationQuestions, relation_pb2.ListRelationQuestionsRequest(most=most)
        )
        return [Question(one.pair, one.entry) for one in response.questions]

    async def party(self, question: Question, whose: Whose) -> Identity | None:
        """Who one side of a question is; None when that was not sealed to our keys, or what came does not open.

        Raises:
            NodeError: The gateway refused or was not reached.
        """
        request = relation_pb2.OpenRelationPartyRequest(
            pair=question.pair, whose=_WHOSE[whose], key_ids=sorted(self._keys)
        )
        try:
            got = await self._call(self._stub.OpenRelationParty, request)
        except RequestRefused as error:
            if error.code == _NOT_SEALED:
                return None
            raise
        key = self._keys.get(got.key_id)
        if key is None or got.whose != _WHOSE[whose]:
            return None
        try:
            return open_identity(key, Place(got.origin, whose, got.pseudonym, got.scheme), got.sealed)
        except SealError:
            return None

    async def record(self, question: Question, answered: AbstractSet[str], holds: AbstractSet[str]) -> None:
        """Record what registers answered.

        Raises:
            NodeError: The gateway refused or was not reached.
        """
        request = relation_pb2.RecordRelationsRequest(
            pair=question.pair,
            answered=[RELATIONS[name] for name in sorted(answered)],
            holds=[RELATIONS[name] for name in sorted(holds)],
        )
        await self._call(self._stub.RecordRelations, request)

    async def _call(self, method: Callable[..., Awaitable[Got]], message: Any) -> Got:
        metadata = (("authorization", f"Bearer {self._token()}"),)
        try:
            return await method(message, metadata=metadata, timeout=_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise refusal(error) from None
