"""Verifies what the gateway returned, in order, and only then builds what the caller sees. Does no I/O.

Of a fetch: the ledger's promise of the `asked` entry and of the outcome, both about exactly this request → every
resource asked for is answered, silent or wholly withheld, once → per answer: the provider has an accepted agreement
for the resource; the node's keys are certified by the department key in it; the receipt is that node's, about this
request, this ticket and these sealed bytes; the seal opens under exactly that context; the fields are those asked
for, none missing, none in a form that was not asked for.

Which way it fails: closed. Any check that does not hold raises `UntrustedAnswer` and nothing is handed out.
What it cannot check: freshness and the reasons of silence are the gateway's word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from keys.batch import BatchItem, ItemVerifier, scope
from keys.certificates.spiffe import SpiffeId
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, KeyCertificate, open_certified, verify_key
from keys.sealing import SealingKey, answer_info
from keys.signing import PROMISE, RECEIPTS, VerifyKey, digest, fingerprint_of
from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.answer import Answer, LocateAnswer, Located, Promise, Provider, Receipt, Row, RowStatus
from nodes.consumer.distrust import Distrust, UntrustedAnswer
from nodes.consumer.items import Item
from nodes.consumer.request import Prepared
from nodes.consumer.values import read_value
from nodes.consumer.words import FORMS, MARKS, reason_code, reason_text
from nodes.enrolment.home import Trust
from oncegate.v1 import exchange_pb2, signed_pb2
from policies.vocabulary import DataType, Necessity

LOCATE_RESOURCE = "oncegate.locate"
REMEMBERED_NODES = 256
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Opened:
    """An answer of one provider after its checks."""

    provider: Provider
    fields: Sequence[signed_pb2.AnswerField]


class AnswerVerifier:
    """Verifies answers for one system.

    Args:
        trust: What the system believes of the gateway.
        accepted: Which provider keys count.
        sealing: The key to which answers are sealed.
    """

    def __init__(self, trust: Trust, accepted: AcceptedProviders, sealing: SealingKey) -> None:
        self._accepted = accepted
        self._sealing = sealing
        self._trust_domain = trust.trust_domain
        self._promises = ItemVerifier(VerifyKey.from_der(trust.promise_key))
        self._origin = trust.log_origin
        self._promise_scope = scope(trust.log_origin)
        self._receipts: dict[bytes, ItemVerifier] = {}

    def promised(self, request: Prepared, response: exchange_pb2.FetchResponse | exchange_pb2.LocateResponse) -> bool:
        """Whether the answer's promises are the log's own as it is believed to be; if not, it may be in a new epoch.

        Args:
            request: What was asked.
            response: What came back.
        """
        try:
            self._both_promises(request, response)
        except UntrustedAnswer as problem:
            return problem.reason is not Distrust.PROMISE
        return True

    def fetched(self, request: Prepared, response: exchange_pb2.FetchResponse, now_ms: int) -> Answer:
        """Verifies the answer to a fetch.

        Args:
            request: What was asked.
            response: What came back.
            now_ms: The time.

        Returns:
            The answer.

        Raises:
            UntrustedAnswer: A check does not hold.
        """
        asked, outcome = self._both_promises(request, response)
        withheld = _withheld(request.items, response.withheld)
        opened: dict[str, _Opened] = {}
        for answer in response.answers:
            if answer.resource in opened:
                raise UntrustedAnswer(Distrust.MALFORMED, "a resource is answered twice")
            opened[answer.resource] = self._answer(request, answer, now_ms)
        expected = {item.resource for item in request.items if item not in withheld}
        if opened.keys() - expected:
            raise UntrustedAnswer(Distrust.UNASKED, "resource")
        if expected - opened.keys():
            raise UntrustedAnswer(Distrust.MISSING, "resource")
        rows = _rows(request.items, withheld, opened)
        silent = any(r.status is RowStatus.SILENT and r.necessity is Necessity.REQUIRED for r in rows)
        return Answer(
            request_id=request.request_id,
            complete=response.complete and not silent,
            rows=rows,
            providers=tuple(o.provider for o in opened.values()),
            asked=asked,
            outcome=outcome,
            replayed=response.replayed,
        )

    def located(self, request: Prepared, response: exchange_pb2.LocateResponse) -> LocateAnswer:
        """Verifies the answer to a locate.

        Args:
            request: What was asked.
            response: What came back.

        Returns:
            The answer, one entry per resource in the order asked.

        Raises:
            UntrustedAnswer: A check does not hold.
        """
        asked, outcome = self._both_promises(request, response)
        withheld = _withheld(request.items, response.withheld)
        # There is no ticket: the request's digest stands in its place.
        plaintext = self._open(response.sealed, request.digest, request.digest, LOCATE_RESOURCE)
        result = exchange_pb2.LocateResult()
        _parse(result, plaintext)
        found = {entry.resource: entry for entry in result.located}
        expected = {item.resource for item in request.items if item not in withheld}
        if len(found) != len(result.located) or found.keys() - expected:
            raise UntrustedAnswer(Distrust.UNASKED, "resource")
        if expected - found.keys():
            raise UntrustedAnswer(Distrust.MISSING, "resource")
        located = []
        for item in request.items:
            reason = withheld.get(item)
            if reason is not None:
                located.append(
                    Located(
                        item.resource, exists=False, updated_ms=None, reason=reason, reason_text=reason_text(reason)
                    )
                )
            else:
                entry = found[item.resource]
                located.append(Located(item.resource, entry.exists, entry.updated_unix_ms or None))
        return LocateAnswer(request.request_id, tuple(located), asked, outcome)

    def _both_promises(
        self, request: Prepared, response: exchange_pb2.FetchResponse | exchange_pb2.LocateResponse
    ) -> tuple[Promise, Promise]:
        if response.request_id != request.request_id:
            raise UntrustedAnswer(Distrust.MALFORMED, "the answer is to another request")
        asked = self._promise(request, response.asked)
        outcome = self._promise(request, response.outcome)
        if outcome.leaf_index <= asked.leaf_index:
            raise UntrustedAnswer(Distrust.PROMISE, "the outcome does not follow what was asked")
        return asked, outcome

    def _promise(self, request: Prepared, message: signed_pb2.SignedItem) -> Promise:
        item = _item(message)
        try:
            self._promises.verify(PROMISE, self._promise_scope, item)
        except KeysError as error:
            raise UntrustedAnswer(Distrust.PROMISE, "signature") from error
        body = signed_pb2.PromiseBody()
        _parse(body, item.body)
        if body.request_digest != request.digest or len(body.leaf_hash) != HASH_BYTES:
            raise UntrustedAnswer(Distrust.PROMISE, "it is about another request")
        return Promise(body.leaf_index, body.leaf_hash, item, self._origin)

    def _answer(self, request: Prepared, answer: exchange_pb2.ProviderAnswer, now_ms: int) -> _Opened:
        synced_ms = answer.synced_unix_ms or None
        if answer.status == exchange_pb2.PROVIDER_STATUS_SILENT:
            silence = reason_code(answer.silence_reason)
            provider = Provider(
                answer.department, answer.resource, synced_ms, answer.stale, None, silence, reason_text(silence)
            )
            return _Opened(provider, ())
        if answer.status != exchange_pb2.PROVIDER_STATUS_ANSWERED:
            raise UntrustedAnswer(Distrust.MALFORMED, "a provider neither answered nor is silent")
        node = self._node(answer, now_ms)
        receipt = self._receipt(request, answer, node)
        plaintext = self._open(answer.sealed, request.digest, answer.ticket_digest, answer.resource)
        body = signed_pb2.AnswerBody()
        _parse(body, plaintext)
        if body.request_digest != request.digest or body.resource != answer.resource:
            raise UntrustedAnswer(Distrust.SEALED, "the content is about another request or resource")
        return _Opened(Provider(answer.department, answer.resource, synced_ms, answer.stale, receipt), body.fields)

    def _node(self, answer: exchange_pb2.ProviderAnswer, now_ms: int) -> KeyCertificate:
        accepted = self._accepted.fingerprints(answer.department, answer.resource, now_ms)
        if not accepted:
            raise UntrustedAnswer(Distrust.UNKNOWN_PROVIDER)
        keys = answer.node_keys
        presented = fingerprint_of(keys.department_key)
        if presented not in accepted:
            raise UntrustedAnswer(Distrust.NODE_KEYS, "another department key than the accepted one")
        certified = CertifiedKeys(keys.body, keys.signature, keys.department_key)
        try:
            node = open_certified(certified, accepted_fingerprint=presented, now_ms=now_ms)
            holder = SpiffeId.parse(node.holder)
        except KeysError as error:
            raise UntrustedAnswer(Distrust.NODE_KEYS, "the key certificate does not hold") from error
        if (holder.trust_domain, holder.department, holder.kind) != (self._trust_domain, answer.department, "node"):
            raise UntrustedAnswer(Distrust.NODE_KEYS, "the keys are not those of a node of the provider")
        return node

    def _receipt(self, request: Prepared, answer: exchange_pb2.ProviderAnswer, node: KeyCertificate) -> Receipt:
        item = _item(answer.receipt)
        verifier = self._receipts.get(node.signing_key)
        if verifier is None:
            if len(self._receipts) >= REMEMBERED_NODES:
                self._receipts.clear()
            verifier = self._receipts[node.signing_key] = ItemVerifier(verify_key(node), remember=64)
        try:
            verifier.verify(RECEIPTS, scope(node.holder, answer.session_id), item)
        except KeysError as error:
            raise UntrustedAnswer(Distrust.RECEIPT, "signature") from error
        body = signed_pb2.ReceiptBody()
        _parse(body, item.body)
        stated = (body.ticket_digest, body.request_digest, body.node, body.resource, body.ciphertext_digest)
        if stated != (answer.ticket_digest, request.digest, node.holder, answer.resource, digest(answer.sealed)):
            raise UntrustedAnswer(Distrust.RECEIPT, "it states something else than was received")
        return Receipt(node.holder, answer.session_id, answer.ticket_digest, body.released_unix_ms, item)

    def _open(self, sealed: bytes, request_digest: bytes, ticket_digest: bytes, resource: str) -> bytes:
        try:
            return self._sealing.open(sealed, answer_info(request_digest, ticket_digest, resource))
        except KeysError as error:
            raise UntrustedAnswer(Distrust.SEALED) from error


def _withheld(items: Sequence[Item], stated: Iterable[exchange_pb2.WithheldItem]) -> dict[Item, str]:
    """The requested items that policy withholds, with the reason of each."""
    optional = {(i.resource, i.field, i.form): i for i in items if i.necessity is Necessity.OPTIONAL}
    withheld: dict[Item, str] = {}
    for entry in stated:
        form = FORMS.get(entry.form)
        item = None if form is None else optional.get((entry.resource, entry.field, form))
        if item is None or item in withheld:
            raise UntrustedAnswer(Distrust.UNASKED, "a withheld item was not asked for as optional")
        withheld[item] = reason_code(entry.reason)
    return withheld


def _rows(items: Sequence[Item], withheld: dict[Item, str], opened: dict[str, _Opened]) -> tuple[Row, ...]:
    """One row per item, in order; checks that the fields of every answer are exactly those asked for."""
    remaining = {code: list(entry.fields) for code, entry in opened.items()}
    rows = []
    for item in items:
        reason = withheld.get(item)
        if reason is not None:
            rows.append(
                Row(
                    item.resource,
                    item.field,
                    item.form,
                    item.necessity,
                    RowStatus.WITHHELD,
                    reason=reason,
                    reason_text=reason_text(reason),
                    asked=item.asks,
                )
            )
            continue
        provider = opened[item.resource].provider
        if not provider.answered:
            rows.append(
                Row(
                    item.resource,
                    item.field,
                    item.form,
                    item.necessity,
                    RowStatus.SILENT,
                    provider.department,
                    reason=provider.silence,
                    reason_text=provider.silence_text,
                    asked=item.asks,
                )
            )
            continue
        rows.append(_row(item, provider, _take(item, remaining[item.resource])))
    if any(remaining.values()):
        raise UntrustedAnswer(Distrust.UNASKED, "field")
    return tuple(rows)


def _take(item: Item, fields: list[signed_pb2.AnswerField]) -> signed_pb2.AnswerField:
    """Takes the field that answers an item, in the form needed or one that the item accepts instead."""
    found = next((f for f in fields if f.field == item.field and FORMS.get(f.form) in item.forms), None)
    if found is None:
        raise UntrustedAnswer(Distrust.MISSING, "field")
    fields.remove(found)
    return found


def _row(item: Item, provider: Provider, field: signed_pb2.AnswerField) -> Row:
    form = FORMS[field.form]
    if field.status != signed_pb2.FIELD_STATUS_RELEASED:
        return Row(
            item.resource,
            item.field,
            form,
            item.necessity,
            RowStatus.NOT_AVAILABLE,
            provider.department,
            asked=item.asks,
        )
    try:
        value = read_value(form, DataType(field.data_type), field.text)
    except ValueError:
        raise UntrustedAnswer(Distrust.MALFORMED, "a value does not fit its form and type") from None
    if not set(field.marks) <= MARKS.keys():
        # What the mark says is not known, so the value must not be used without it.
        raise UntrustedAnswer(Distrust.UNASKED, "mark")
    return Row(
        resource=item.resource,
        field=item.field,
        form=form,
        necessity=item.necessity,
        status=RowStatus.RELEASED,
        department=provider.department,
        value=value,
        text=field.text,
        data_type=field.data_type,
        source=field.source,
        as_of_ms=field.as_of_unix_ms or None,
        marks=tuple(dict.fromkeys(MARKS[mark] for mark in field.marks)),
        asked=item.asks,
    )


def _item(message: signed_pb2.SignedItem) -> BatchItem:
    return BatchItem(message.body, message.signature, message.leaf_index, message.leaf_count, tuple(message.path))


def _parse(
    message: signed_pb2.AnswerBody | signed_pb2.ReceiptBody | signed_pb2.PromiseBody | exchange_pb2.LocateResult,
    data: bytes,
) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise UntrustedAnswer(Distrust.MALFORMED) from None
