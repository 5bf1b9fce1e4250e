"""RelationService: questions about officials and persons for the audit office's system, and its answers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.detection.relations import Relation
from gateway.errors import bad_request
from gateway.exchange.relation_desk import RelationDesk
from gateway.rpc.callers import bearer
from gateway.rpc.services.identity import sealed_message, whose_of
from oncegate.v1 import identity_pb2, relation_pb2, relation_pb2_grpc

_RELATIONS: Final[Mapping[int, Relation]] = {
    relation_pb2.RELATION_COLLEAGUE: Relation.COLLEAGUE,
    relation_pb2.RELATION_FAMILY: Relation.FAMILY,
    relation_pb2.RELATION_SAME_ADDRESS: Relation.SAME_ADDRESS,
    relation_pb2.RELATION_SAME_SURNAME: Relation.SAME_SURNAME,
}


class RelationServicer(relation_pb2_grpc.RelationServiceServicer):
    """The audit office's desk at the door.

    Args:
        desk: What happens there.
    """

    def __init__(self, desk: RelationDesk) -> None:
        self._desk = desk

    async def ListRelationQuestions(  # noqa: N802
        self, request: relation_pb2.ListRelationQuestionsRequest, context: Any
    ) -> relation_pb2.ListRelationQuestionsResponse:
        """See relation.proto."""
        questions = await self._desk.questions(bearer(context), request.most)
        return relation_pb2.ListRelationQuestionsResponse(
            questions=[
                relation_pb2.RelationQuestion(pair=one.token, entry=one.entry, suspicion=one.suspicion)
                for one in questions
            ]
        )

    async def OpenRelationParty(  # noqa: N802
        self, request: relation_pb2.OpenRelationPartyRequest, context: Any
    ) -> identity_pb2.OpenIdentityResponse:
        """See relation.proto."""
        token = bearer(context)
        # Whoever is nobody is told that, and nothing about the message.
        self._desk.auditor(token)
        whose = whose_of(request.whose)
        found = await self._desk.party(token, request.pair, whose, tuple(request.key_ids))
        return sealed_message(found)

    async def RecordRelations(  # noqa: N802
        self, request: relation_pb2.RecordRelationsRequest, context: Any
    ) -> relation_pb2.RecordRelationsResponse:
        """See relation.proto."""
        token = bearer(context)
        self._desk.auditor(token)
        answered, holds = _read("answered", request.answered), _read("holds", request.holds)
        entry = await self._desk.answer(token, request.pair, answered, holds)
        return relation_pb2.RecordRelationsResponse(entry=entry)


def _read(name: str, numbers: Iterable[int]) -> frozenset[Relation]:
    listed = list(numbers)
    if len(set(listed)) != len(listed) or not set(listed) <= _RELATIONS.keys():
        raise bad_request(name, "must be known relations, none twice")
    return frozenset(_RELATIONS[number] for number in listed)
