"""Finds the agreement for each resource of a request and decides every field.

Default deny: a resource without an agreement, a term the policy does not know, an error inside the policy engine and
an expired agreement all withhold. Nothing here looks at whether a record exists.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from gateway.catalog.catalog import Catalog, CatalogEntry
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation
from gateway.exchange.choose import coverage
from gateway.exchange.consented import FindConsent, NamedConsent
from gateway.exchange.consider import NO_CONSENT, Asking, ConsentSays, Considered, consider
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import RequestItem, WithheldItem
from gateway.exchange.operands import operand_of
from gateway.sharing.agreements import Agreements
from policies.agreements import Agreement
from policies.engine import ItemDecision, PolicyEngine
from policies.plain import is_blank
from policies.predicates import Predicate
from policies.reasons import TEXT, Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Form, Necessity


@dataclass(frozen=True, slots=True)
class Permitted:
    """The items of one resource that may be asked for, in the forms chosen, and under which agreement and consent.

    `predicates` and `operands` are by field, those of the items in the form predicate; `needed` has the form needed of
    each item for which a more revealing one was chosen. Operands are never part of the `repr`.
    """

    entry: CatalogEntry
    agreement: Agreement
    items: tuple[tuple[str, Form], ...]
    required: frozenset[str]
    predicates: Mapping[str, Predicate] = field(default_factory=dict)
    operands: Mapping[str, str] = field(default_factory=dict, repr=False)
    needed: Mapping[str, Form] = field(default_factory=dict)
    consent: NamedConsent | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What policy decided about a request."""

    permitted: tuple[Permitted, ...]
    withheld: tuple[WithheldItem, ...]
    required_withheld: tuple[WithheldItem, ...]
    rules: tuple[str, ...]
    bundle_digest: str
    considered: tuple[Considered, ...] = ()
    asking: Asking | None = None


class Decide:
    """Decides requests.

    Args:
        catalog: What exists.
        agreements: What providers agreed to.
        policy: The engine with the policy bundle in force. It is asked for once per request, which keeps that bundle
            to its end, whatever is activated meanwhile.
        clock: Agreements have a term.
        consents: What people consented to.
        held: Holds a request to the explicit request that it names.
    """

    def __init__(
        self,
        catalog: Catalog,
        agreements: Agreements,
        policy: Callable[[], PolicyEngine],
        clock: Clock,
        consents: FindConsent,
        held: Callable[[Caller, Subject], None],
    ) -> None:
        self._catalog = catalog
        self._agreements = agreements
        self._policy = policy
        self._clock = clock
        self._consents = consents
        self._held = held

    @property
    def bundle_digest(self) -> str:
        """Digest of the policy bundle in force."""
        return self._policy().digest

    def __call__(self, caller: Caller, subject: Subject) -> Plan:
        """Decide every item. Of the subject only whether it consented enters.

        Raises:
            Refused: UNKNOWN_PURPOSE, UNKNOWN_RESOURCE or UNKNOWN_FIELD with each path; the catalogue is public to
                callers, so saying so tells nothing about anyone. WITHHELD when the explicit request that is named does
                not cover it.
        """
        request = caller.request
        engine = self._policy()
        if request.purpose not in engine.purposes:
            raise Refused(Code.UNKNOWN_PURPOSE, violations=(Violation("purpose", "must be a registered purpose"),))
        entries = self._entries(request.items)
        self._held(caller, subject)
        permitted: list[Permitted] = []
        withheld: list[WithheldItem] = []
        required_withheld: list[WithheldItem] = []
        rules: dict[str, None] = {}
        considered: list[Considered] = []
        asking = asking_of(caller, self._clock.now_ms())
        consent = self._consents(caller, subject)
        for code, entry in entries.items():
            items = tuple(item for item in request.items if item.resource == code)
            who = asking.who(code)
            serving = partial(_serves, consent, items, entry.resource)
            agreement = self._agreements.find(*who, serving, **asking.occasion)
            # Where none is in force, the nearest one only lets the engine tell which condition does not hold.
            nearest = None if agreement else self._agreements.nearest(*who, **asking.occasion)
            says = _says(consent, asking, agreement, code, items)
            suspended = partial(self._agreements.is_suspended, asking.consumer, code)
            part = consider(engine, asking, entry, items, agreement, nearest, says, suspended)
            considered.append(part)
            allowed = [(item, one) for item, one in part.decided if one.allowed]
            if (
                allowed and agreement is None
            ):  # The engine never allows without an agreement in force; closed all the same.
                raise Refused(Code.NO_AGREEMENT, code)
            if allowed and agreement is not None:
                permitted.append(_permitted(caller, entry, agreement, allowed, part.predicates, consent))
            for item, one in part.decided:
                rules.update(dict.fromkeys(one.rules))
                if one.allowed:
                    continue
                reason = one.reason or Reason.POLICY_ERROR
                text = TEXT[reason]
                refused = WithheldItem(code, item.field, item.form, str(reason), text.zh, text.en)
                withheld.append(refused)
                if item.necessity is Necessity.REQUIRED:
                    required_withheld.append(refused)
        return Plan(
            tuple(permitted),
            tuple(withheld),
            tuple(required_withheld),
            tuple(rules),
            engine.digest,
            tuple(considered),
            asking,
        )

    def unchanged(self, plan: Plan) -> None:
        """Check, right before something leaves, that every agreement used is still in force and the consent stands.

        Raises:
            Refused: NO_AGREEMENT when an agreement was revoked, expired or revised meanwhile; WITHHELD when the
                consent was paused, withdrawn or superseded, or has expired.
        """
        now = self._clock.now_ms()
        for part in plan.permitted:
            self._agreements.require_unchanged(part.agreement, now)
        for consent in consents_of(plan):
            self._consents.unchanged(consent)

    def _entries(self, items: tuple[RequestItem, ...]) -> dict[str, CatalogEntry]:
        """Catalogue entries of the requested resources, in order of first mention."""
        entries: dict[str, CatalogEntry] = {}
        unknown: list[Violation] = []
        code = Code.UNKNOWN_RESOURCE
        for position, item in enumerate(items):
            entry = entries.get(item.resource) or self._catalog.get(item.resource)
            if entry is None:
                unknown.append(Violation(f"items[{position}].resource", "must be a resource of the catalogue"))
                continue
            entries[item.resource] = entry
            if entry.resource.field(item.field) is None:
                code = Code.UNKNOWN_FIELD
                unknown.append(Violation(f"items[{position}].field", "must be a field of the resource"))
        if unknown:
            raise Refused(code, "terms", violations=tuple(unknown[:16]))
        return entries


def asking_of(caller: Caller, now_ms: int) -> Asking:
    """Who asks and why, as far as policy is concerned.

    Args:
        caller: The verified caller with its request.
        now_ms: The moment to decide for, Unix ms.
    """
    request = caller.request
    return Asking(
        consumer=caller.peer.department,
        system=caller.peer.name,
        purpose=request.purpose,
        basis=request.legal_basis,
        scheme=request.subject_scheme,
        case_present=not is_blank(request.case_reference),
        official_present=bool(caller.official),
        now_ms=now_ms,
        emergency=request.emergency_reason,
        service="" if request.service is None else request.service.code,
    )


def _says(
    consent: NamedConsent | None,
    asking: Asking,
    agreement: Agreement | None,
    resource: str,
    items: Sequence[RequestItem],
) -> ConsentSays:
    """What the consent says of a resource: it covers every item of it, or none."""
    if consent is None:
        return NO_CONSENT
    covering = consent.covering(asking, agreement, resource, items)
    return ConsentSays(covering.reason, covering.of)


def _permitted(
    caller: Caller,
    entry: CatalogEntry,
    agreement: Agreement,
    allowed: Sequence[tuple[RequestItem, ItemDecision]],
    found: Mapping[str, Predicate],
    consent: NamedConsent | None,
) -> Permitted:
    """The part of a plan about one resource.

    Raises:
        Refused: BAD_REQUEST when the operand of a predicate is missing or no value of its field's type.
    """
    resource = entry.resource
    predicates: dict[str, Predicate] = {}
    operands: dict[str, str] = {}
    for item, one in allowed:
        described = resource.field(item.field)
        if one.form is Form.PREDICATE and described is not None:
            predicates[item.field] = predicate = found[item.field]
            operand = operand_of(
                caller.operands, resource.code, predicate, described.data_type, caller.request.subject_scheme
            )
            if operand:
                operands[item.field] = operand
    return Permitted(
        entry,
        agreement,
        tuple((item.field, one.form) for item, one in allowed),
        frozenset(item.field for item, _ in allowed if item.necessity is Necessity.REQUIRED),
        predicates,
        operands,
        {item.field: item.form for item, one in allowed if one.form is not item.form},
        consent,
    )


def _serves(
    consent: NamedConsent | None, items: Sequence[RequestItem], resource: ResourceDescription, agreement: Agreement
) -> tuple[int, ...]:
    """How well an agreement serves a request: the one under which the person consented, then the best cover."""
    return int(consent is not None and consent.is_under(agreement)), *coverage(items, resource, agreement)


def consents_of(plan: Plan) -> list[NamedConsent]:
    """The consent that the plan draws on: one for the whole request, or none."""
    return [part.consent for part in plan.permitted if part.consent is not None][:1]


def refusal(plan: Plan) -> Refused | None:
    """The refusal that a plan calls for before anyone is asked, or None when it may go on.

    A withheld required item refuses the whole request; so does a request of which nothing is left.
    """
    decisive = plan.required_withheld or (plan.withheld if not plan.permitted else ())
    if not decisive:
        return None
    first = decisive[0]
    code = Code.NO_AGREEMENT if first.reason == Reason.NO_AGREEMENT else Code.WITHHELD
    listed = ";".join(f"{item.resource}.{item.field}:{item.form}={item.reason}" for item in decisive[:16])
    return Refused(code, listed, reason=first.reason, texts=(first.zh, first.en), facts=(("items", listed),))
