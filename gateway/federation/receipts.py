"""Whether an answer fits what was asked: the pure core of the gateway's end of the link.

Rules kept: a signature is verified over the exact bytes carried, before anything inside is parsed; a receipt must be
of this ticket, this request, this node, this ciphertext and this disclosure, so that neither the node's answer to
another ask nor an old receipt can stand in; the disclosure states an outcome for exactly the ordered items, in order.
It does no I/O and cannot open an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.federation import wire
from gateway.federation.model import Answer, Order
from keys.batch import BatchItem, scope, verify_batch
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, open_certified, verify_key
from keys.signing import RECEIPTS, VerifyKey, digest


class BadAnswer(Exception):
    """An answer that is not accepted; `rule` is a fixed code that says why.

    Args:
        rule: The rule that the answer broke.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """The parts of one answer once its last chunk is in; nothing of it is verified yet."""

    order: Order
    ticket_digest: bytes
    sealed: bytes
    receipt: bytes
    disclosure: bytes


class ReceiptChecker:
    """Verifies what one node sends in one session.

    Args:
        node: SPIFFE id of the node.
        session_id: The session it named in its Hello.
        certified: The keys it showed in its Hello.
        clock_skew_ms: Largest tolerated difference between a receipt's time and now, after the measured offset.
    """

    def __init__(self, node: str, session_id: bytes, certified: CertifiedKeys, clock_skew_ms: int) -> None:
        self.node = node
        self.session_id = session_id
        self.certified = certified
        self.scope = scope(node, session_id)
        self._clock_skew_ms = clock_skew_ms
        self._key: VerifyKey | None = None

    def certify(self, fingerprint: str, now_ms: int) -> None:
        """Check that the node's keys are certified under its department's registered key, now.

        Fails closed: until this has returned once, no receipt verifies; it is called again for every frame, so an
        expired certificate or a changed department key takes effect at the next frame.

        Args:
            fingerprint: The registered fingerprint of the node's department.
            now_ms: Unix ms.

        Raises:
            BadAnswer: They are not certified by that key, are not of this node, or are not valid now.
        """
        self._key = None
        try:
            certificate = open_certified(self.certified, accepted_fingerprint=fingerprint, now_ms=now_ms)
        except KeysError:
            raise BadAnswer("NODE_KEYS_NOT_CERTIFIED") from None
        if certificate.holder != self.node:
            raise BadAnswer("NODE_KEYS_OF_ANOTHER")
        self._key = verify_key(certificate)

    def verify_frame(self, bodies: Sequence[bytes], signature: bytes) -> list[BatchItem]:
        """Verify the one signature over the receipts of a frame.

        Fails closed: without certified keys or with one byte changed, no receipt of the frame counts.

        Args:
            bodies: The receipts in order, exact bytes.
            signature: The frame's signature.

        Returns:
            One item per receipt, each verifiable alone.

        Raises:
            BadAnswer: The signature does not verify.
        """
        if self._key is None:
            raise BadAnswer("NODE_KEYS_NOT_CERTIFIED")
        try:
            return verify_batch(self._key, RECEIPTS, self.scope, bodies, signature)
        except KeysError:
            raise BadAnswer("RECEIPT_SIGNATURE") from None

    def accept(self, finished: FinishedAnswer, receipt: BatchItem, node_now_ms: int) -> Answer:
        """Turn a finished answer with a verified receipt into an `Answer`.

        Fails closed: whatever does not fit makes the whole answer worthless.

        Args:
            finished: The parts that arrived.
            receipt: The verified receipt; its body is `finished.receipt`.
            node_now_ms: What the node's clock says now, as far as is known, Unix ms.

        Returns:
            The answer.

        Raises:
            BadAnswer: The receipt or the disclosure is not of this ask or contradicts what arrived.
        """
        order = finished.order
        try:
            said = wire.parse_receipt(receipt.body)
            outcomes = self._outcomes(said, finished)
        except wire.BadBody as bad:
            raise BadAnswer(str(bad)) from None
        if said.ticket_digest != finished.ticket_digest:
            raise BadAnswer("RECEIPT_TICKET")
        if said.request_digest != order.request_digest:
            raise BadAnswer("RECEIPT_REQUEST")
        if said.node != self.node or said.resource != order.resource:
            raise BadAnswer("RECEIPT_NAMES")
        if said.ciphertext_digest != digest(finished.sealed):
            raise BadAnswer("RECEIPT_CIPHERTEXT")
        if abs(said.released_ms - node_now_ms) > self._clock_skew_ms:
            raise BadAnswer("RECEIPT_TIME")
        return Answer(
            order=order,
            sealed=finished.sealed,
            ticket_digest=finished.ticket_digest,
            receipt=receipt,
            session_id=self.session_id,
            node_keys=self.certified,
            outcomes=outcomes,
            released_ms=said.released_ms,
        )

    @staticmethod
    def _outcomes(said: wire.Receipt, finished: FinishedAnswer) -> wire.Outcomes:
        if said.disclosure_digest != digest(finished.disclosure):
            raise BadAnswer("RECEIPT_DISCLOSURE")
        outcomes = wire.parse_disclosure(finished.disclosure)
        if tuple((field, form) for field, form, _ in outcomes) != finished.order.items:
            raise BadAnswer("DISCLOSURE_ITEMS")
        return outcomes
