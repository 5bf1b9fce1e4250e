"""Asks a register whether its record has the value that a person entered: the `Verifier` of `verify_field`.

Here the gateway asks, as one more system of the department that runs the vault: with signing and sealing keys that this
department certified, under an agreement between the register's department and it. So a node's checks hold unchanged,
and a gateway without that certificate or agreement gets no comparison. What is asked is an equality predicate and is
decided, recorded, counted, ordered and receipted like any fetch (`Disclose.own_question`).

Rules kept: the register's value never comes into this process, only yes or no; no record, another value, and a record
that the register withholds are all "no"; the register's department learns what it learns of every request. The value
that is compared travels as the operand, which nobody stores. Fails closed: without a certificate, an agreement, a
ledger or an answer nothing is learnt.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.catalog.catalog import Catalog
from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import Call, Disclosed, RequestItem, SignedRequest
from gateway.exchange.ports import WireCodec
from gateway.exchange.verify_field import Compared, Comparison
from gateway.identity.peers import Peer
from gateway.vault.fields import PROFILE_RESOURCE
from keys.certificates.spiffe import SpiffeId
from keys.key_certificates import CertifiedKeys, KeyCertificate, recipient_key
from keys.operands import operand_commitment
from keys.sealing import SealingKey, answer_info
from keys.signing import REQUEST, SigningKey, digest
from keys.subjects import subject_commitment
from policies.predicates import Need, Operator
from policies.vocabulary import Form, LegalBasis, Necessity

PURPOSE: Final = "profile_verification"
"""The registered purpose under which registers are asked."""
_NONCE: Final = 32


@dataclass(frozen=True, slots=True)
class AskingIdentity:
    """Who asks: the vault's department's system, its keys and the department's certificate over them."""

    system: SpiffeId
    signing_key: SigningKey
    sealing_key: SealingKey
    certified: CertifiedKeys
    certificate: KeyCertificate


class OwnQuestions(Protocol):
    """Carries out a question of the gateway itself; `gateway.exchange.disclose.Disclose` does."""

    def own_question(
        self, call: Call, caller: Caller, subject: Subject, still_good: Callable[[], None]
    ) -> Awaitable[Disclosed]:
        """Decide, record, ask and record what came of it."""


class AskRegister:
    """Implements `verify_field.Verifier`.

    Args:
        questions: Carries the question out.
        catalog: Which registers there are.
        identity: Who asks; None while the department has not certified it.
        codec: Encodings.
        clock: When the request is made.
    """

    def __init__(
        self,
        questions: OwnQuestions,
        catalog: Catalog,
        identity: Callable[[], AskingIdentity | None],
        codec: WireCodec,
        clock: Clock,
    ) -> None:
        self._questions = questions
        self._catalog = catalog
        self._identity = identity
        self._codec = codec
        self._clock = clock

    def check(self, resource: str, field: str) -> None:
        """Accept by returning that there is such a register with such a field; nothing is counted for less.

        Raises:
            Refused: UNKNOWN_RESOURCE, also for the profile itself; UNKNOWN_FIELD.
        """
        # The profile compared with itself would say yes to everything.
        entry = None if resource == PROFILE_RESOURCE else self._catalog.get(resource)
        if entry is None:
            raise Refused(Code.UNKNOWN_RESOURCE, "not a register of the catalogue")
        if entry.resource.field(field) is None:
            raise Refused(Code.UNKNOWN_FIELD, "the register has no such field")

    async def compare(self, question: Comparison) -> Compared:
        """Ask the register.

        Raises:
            Refused: As `check`; NO_AGREEMENT when the gateway's own keys are not certified; else as a fetch is
                refused, such as PREDICATE_NOT_AGREED, GUESSES_EXHAUSTED or ALL_PROVIDERS_SILENT. Nothing was learnt.
        """
        self.check(question.resource, question.field)
        identity = self._certified()
        call, caller = self._request(question, identity)
        disclosed = await self._questions.own_question(call, caller, question.subject, lambda: self._same(identity))
        [answer] = disclosed.answers
        info = answer_info(caller.request_digest, answer.ticket_digest, question.resource)
        opened = self._codec.opened(identity.sealing_key.open(answer.sealed, info))
        # Exactly the one field that was asked for, about this request; anything else is no yes.
        told = [(field.field, field.form, field.text) for field in opened.fields]
        equal = (opened.request_digest, opened.resource, told) == (
            caller.request_digest,
            question.resource,
            [(question.field, Form.PREDICATE, "true")],
        )
        return Compared(equal, answer.department)

    def _certified(self) -> AskingIdentity:
        identity = self._identity()
        if identity is None:
            raise Refused(Code.NO_AGREEMENT, "the gateway's own asking keys are not certified")
        return identity

    def _same(self, identity: AskingIdentity) -> None:
        """The last look before the answer is used: the department still stands by the keys that asked."""
        if self._certified().certified != identity.certified:
            raise Refused(Code.NO_AGREEMENT, "the gateway's own asking keys changed meanwhile")

    def _request(self, question: Comparison, identity: AskingIdentity) -> tuple[Call, Caller]:
        """The signed request and who makes it, as a department's own system would make it."""
        subject, system, nonce = question.subject, identity.system, secrets.token_bytes(_NONCE)
        item = RequestItem(
            question.resource,
            question.field,
            Form.PREDICATE,
            Necessity.REQUIRED,
            Need("", Operator.EQUALS),
            (),
            operand_commitment(nonce, question.resource, question.field, question.value),
        )
        request = SignedRequest(
            request_id=secrets.token_hex(16),
            trust_domain=system.trust_domain,
            system=str(system),
            subject_scheme=subject.scheme,
            subject_commitment=subject_commitment(nonce, subject.scheme, subject.canonical),
            purpose=PURPOSE,
            legal_basis=LegalBasis.EXPLICIT_REQUEST,
            case_reference="",
            items=(item,),
            created_ms=self._clock.now_ms(),
            deadline_ms=0,
            sealing_key_id=identity.certificate.sealing_key_id,
        )
        body = self._codec.request(request)
        operands = {(question.resource, question.field): question.value}
        call = Call(
            certificate=None,
            body=body,
            signature=identity.signing_key.sign(REQUEST, body),
            keys=identity.certified,
            subject_identifier=subject.canonical,
            subject_nonce=nonce,
            official_token="",
            operands=((question.resource, question.field, question.value),),
        )
        peer = Peer(system, 0, identity.certificate.not_after_ms)
        recipient = recipient_key(identity.certificate)
        return call, Caller(peer, request, digest(body), identity.certificate, recipient, "", operands)
