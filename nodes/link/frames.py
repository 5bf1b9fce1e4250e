"""Frames of the node link to plain values and back, at the node's end.

Rules kept: a frame from the gateway that breaks the protocol is a `BadFrame`; what it carries is handed on unverified
and as the exact bytes that arrived. It verifies nothing; the provider does.
"""

from collections.abc import Iterable, Sequence

from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from nodes.link.codec import DIGEST_BYTES, FORM_NUMBERS
from nodes.provider.model import ConsentChange, DeltaRejection, IncomingAsk, PointerDelta, Standing, TicketFrame
from oncegate.v1 import catalog_pb2, node_link_pb2, signed_pb2
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, Mode, SharingType

MAX_ASKS = 256
MAX_CONSENTS = 4096

_CLASSIFICATIONS = {
    Classification.PUBLIC: catalog_pb2.CLASSIFICATION_PUBLIC,
    Classification.INTERNAL: catalog_pb2.CLASSIFICATION_INTERNAL,
    Classification.CONFIDENTIAL: catalog_pb2.CLASSIFICATION_CONFIDENTIAL,
    Classification.SENSITIVE: catalog_pb2.CLASSIFICATION_SENSITIVE,
}
_SHARING_TYPES = {
    SharingType.UNCONDITIONAL: catalog_pb2.SHARING_TYPE_UNCONDITIONAL,
    SharingType.CONDITIONAL: catalog_pb2.SHARING_TYPE_CONDITIONAL,
    SharingType.NOT_SHARED: catalog_pb2.SHARING_TYPE_NOT_SHARED,
}
_MODES = {
    Mode.QUERY: catalog_pb2.MODE_QUERY,
    Mode.BULK: catalog_pb2.MODE_BULK,
    Mode.SUBSCRIPTION: catalog_pb2.MODE_SUBSCRIPTION,
}


_STANDINGS = {
    node_link_pb2.CONSENT_STANDING_GRANTED: Standing.GRANTED,
    node_link_pb2.CONSENT_STANDING_PAUSED: Standing.PAUSED,
}


class BadFrame(Exception):
    """A frame that breaks the protocol; the text is a fixed rule."""


def resource(description: ResourceDescription) -> catalog_pb2.Resource:
    """The message of one resource."""
    message = catalog_pb2.Resource(
        code=description.code,
        name=catalog_pb2.LocalText(zh=description.name_zh, en=description.name_en),
        provider=description.provider,
        abstract=catalog_pb2.LocalText(zh=description.abstract_zh, en=description.abstract_en),
        classification=_CLASSIFICATIONS[description.classification],
        sharing_type=_SHARING_TYPES[description.sharing_type],
        sharing_terms=description.sharing_terms,
        update_cycle=description.update_cycle,
        subject_schemes=description.subject_schemes,
        unlisted=description.unlisted,
        classification_path=[catalog_pb2.LocalText(zh=step.zh, en=step.en) for step in description.classification_path],
        duty=description.duty,
        purpose=description.purpose,
        modes=sorted(_MODES[mode] for mode in description.modes),
        related=description.related,
    )
    for field in description.fields:
        message.fields.add(
            code=field.code,
            name=catalog_pb2.LocalText(zh=field.name_zh, en=field.name_en),
            data_type=field.data_type.value,
            classification=_CLASSIFICATIONS[field.classification],
            forms=sorted(FORM_NUMBERS[form] for form in field.forms),
            mask=field.mask.value if field.mask is not None else "",
            authority=field.authority,
        )
    return message


def hello(
    *,
    session_id: bytes,
    keys: CertifiedKeys,
    resources: Iterable[ResourceDescription],
    now_ms: int,
    outbox_id: bytes,
    last_sequence: int,
    acknowledged: int,
) -> node_link_pb2.NodeFrame:
    """The first frame of a node."""
    return node_link_pb2.NodeFrame(
        hello=node_link_pb2.Hello(
            session_id=session_id,
            protocol_versions=[1],
            keys=signed_pb2.CertifiedKeys(body=keys.body, signature=keys.signature, department_key=keys.department_key),
            resources=[resource(description) for description in resources],
            clock_unix_ms=now_ms,
            last_sequence=last_sequence,
            outbox_id=outbox_id,
            acknowledged_sequence=acknowledged,
        )
    )


def incoming(
    asks: node_link_pb2.Asks, received_s: float, clock_offset_ms: int
) -> list[tuple[node_link_pb2.Ask, IncomingAsk]]:
    """The asks of one frame, unverified, with the messages that carried them.

    Args:
        asks: The frame.
        received_s: When it came in, monotonic seconds.
        clock_offset_ms: The gateway's clock minus the node's.

    Raises:
        BadFrame: It holds no asks or too many.
    """
    if not 1 <= len(asks.asks) <= MAX_ASKS:
        raise BadFrame("asks: count")
    frame = TicketFrame(tuple(ask.ticket for ask in asks.asks), asks.signature)
    found = []
    for position, ask in enumerate(asks.asks):
        keys, promise = ask.requester_keys, ask.promise
        order = IncomingAsk(
            frame=frame,
            position=position,
            request=ask.request,
            request_signature=ask.request_signature,
            requester_keys=CertifiedKeys(keys.body, keys.signature, keys.department_key),
            subject_nonce=ask.subject_nonce,
            subject_identifier=ask.subject_identifier,
            operands={operand.field: operand.value for operand in ask.operands},
            promise=BatchItem(
                promise.body, promise.signature, promise.leaf_index, promise.leaf_count, tuple(promise.path)
            ),
            deadline_ms=ask.deadline_ms,
            received_s=received_s,
            clock_offset_ms=clock_offset_ms,
            consent=ask.consent,
            consent_proof=ask.consent_proof,
        )
        found.append((ask, order))
    return found


def consents(message: node_link_pb2.ConsentChanges) -> tuple[ConsentChange, ...]:
    """How consents stand from now on; a standing that is not stated or not known is taken as ended.

    Raises:
        BadFrame: There are none or too many, or one is not named by a digest.
    """
    if not 1 <= len(message.changes) <= MAX_CONSENTS:
        raise BadFrame("consents: count")
    if any(len(change.consent) != DIGEST_BYTES for change in message.changes):
        raise BadFrame("consents: digest length")
    return tuple(
        ConsentChange(change.consent, _STANDINGS.get(change.standing, Standing.ENDED), change.valid_until_unix_ms)
        for change in message.changes
    )


def _delta(delta: PointerDelta) -> node_link_pb2.Delta:
    return node_link_pb2.Delta(
        sequence=delta.sequence,
        resource=delta.resource,
        handle=delta.handle,
        subject_scheme=delta.subject_scheme,
        subject_identifier=delta.subject_identifier,
        version=delta.version,
        updated_unix_ms=delta.updated_ms,
        tombstone=delta.tombstone,
    )


def deltas(changes: Sequence[PointerDelta]) -> node_link_pb2.NodeFrame:
    """A frame of consecutive deltas."""
    return node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas(deltas=[_delta(change) for change in changes]))


def snapshot_part(snapshot_id: bytes, code: str, part: int, entries: Sequence[PointerDelta]) -> node_link_pb2.NodeFrame:
    """A part of a snapshot that is not the last."""
    return node_link_pb2.NodeFrame(
        snapshot=node_link_pb2.Snapshot(
            snapshot_id=snapshot_id, resource=code, part=part, entries=[_delta(entry) for entry in entries]
        )
    )


def snapshot_end(snapshot_id: bytes, code: str, part: int, total: int, as_of: int) -> node_link_pb2.NodeFrame:
    """The last part of a snapshot; it carries no entries."""
    return node_link_pb2.NodeFrame(
        snapshot=node_link_pb2.Snapshot(
            snapshot_id=snapshot_id, resource=code, part=part, last=True, total=total, as_of_sequence=as_of
        )
    )


def rejections(ack: node_link_pb2.DeltaAck) -> tuple[DeltaRejection, ...]:
    """What the gateway did not index."""
    return tuple(DeltaRejection(item.sequence, item.handle, item.reason) for item in ack.rejections)
