"""ExchangeService: fetch, locate, and what systems say they received."""

from dataclasses import replace
from typing import Any

from gateway.exchange.acknowledge import Acknowledge
from gateway.exchange.disclose import Disclose
from gateway.exchange.locate import Locate
from gateway.exchange.model import Call, Disclosed, Located, ProviderAnswer, WithheldItem
from gateway.rpc.callers import certificate
from gateway.rpc.codec import FORM_NUMBERS, certified_keys, certified_keys_message, signed_item
from oncegate.v1 import exchange_pb2, exchange_pb2_grpc


class ExchangeServicer(exchange_pb2_grpc.ExchangeServiceServicer):
    """Queries by department systems.

    Args:
        disclose: Carries out fetches.
        locate: Carries out locates.
        acknowledge: Takes acknowledgements.
    """

    def __init__(self, disclose: Disclose, locate: Locate, acknowledge: Acknowledge) -> None:
        self._disclose = disclose
        self._locate = locate
        self._acknowledge = acknowledge

    async def Fetch(self, request: exchange_pb2.FetchRequest, context: Any) -> exchange_pb2.FetchResponse:  # noqa: N802
        """See exchange.proto."""
        operands = tuple((operand.resource, operand.field, operand.value) for operand in request.operands)
        return _fetched(await self._disclose(replace(_call(request, context), operands=operands)))

    async def Locate(self, request: exchange_pb2.LocateRequest, context: Any) -> exchange_pb2.LocateResponse:  # noqa: N802
        """See exchange.proto."""
        return _located(await self._locate(_call(request, context)))

    async def Acknowledge(  # noqa: N802
        self, request: exchange_pb2.AcknowledgeRequest, context: Any
    ) -> exchange_pb2.AcknowledgeResponse:
        """See exchange.proto."""
        taken = await self._acknowledge(
            certificate(context), request.statement, request.signature, certified_keys(request.keys)
        )
        response = exchange_pb2.AcknowledgeResponse(recorded=taken.recorded, known=taken.known)
        if taken.promise is not None:
            response.promise.CopyFrom(signed_item(taken.promise))
        return response


def _call(request: exchange_pb2.FetchRequest | exchange_pb2.LocateRequest, context: Any) -> Call:
    return Call(
        certificate=certificate(context),
        body=request.body,
        signature=request.signature,
        keys=certified_keys(request.keys),
        subject_identifier=request.subject_identifier,
        subject_nonce=request.subject_nonce,
        official_token=request.official_token,
    )


def _withheld(item: WithheldItem) -> exchange_pb2.WithheldItem:
    return exchange_pb2.WithheldItem(
        resource=item.resource,
        field=item.field,
        form=FORM_NUMBERS[item.form],
        reason=item.reason,
        reason_zh=item.zh,
        reason_en=item.en,
    )


def _answer(answer: ProviderAnswer) -> exchange_pb2.ProviderAnswer:
    message = exchange_pb2.ProviderAnswer(
        department=answer.department,
        resource=answer.resource,
        status=exchange_pb2.PROVIDER_STATUS_SILENT if answer.silence else exchange_pb2.PROVIDER_STATUS_ANSWERED,
        silence_reason=answer.silence,
        synced_unix_ms=answer.synced_ms,
        stale=answer.stale,
        sealed=answer.sealed,
        ticket_digest=answer.ticket_digest,
        session_id=answer.session_id,
    )
    if answer.receipt is not None:
        message.receipt.CopyFrom(signed_item(answer.receipt))
    if answer.node_keys is not None:
        message.node_keys.CopyFrom(certified_keys_message(answer.node_keys))
    return message


def _fetched(disclosed: Disclosed) -> exchange_pb2.FetchResponse:
    return exchange_pb2.FetchResponse(
        request_id=disclosed.request_id,
        complete=disclosed.complete,
        answers=[_answer(answer) for answer in disclosed.answers],
        withheld=[_withheld(item) for item in disclosed.withheld],
        asked=signed_item(disclosed.asked),
        outcome=signed_item(disclosed.outcome),
        replayed=disclosed.replayed,
    )


def _located(located: Located) -> exchange_pb2.LocateResponse:
    return exchange_pb2.LocateResponse(
        request_id=located.request_id,
        sealed=located.sealed,
        asked=signed_item(located.asked),
        outcome=signed_item(located.outcome),
        withheld=[_withheld(item) for item in located.withheld],
    )
