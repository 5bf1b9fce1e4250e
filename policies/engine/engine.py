"""The policy engine: one decision per item of a question.

Rules kept here, all failing closed: a term that is not known, a purpose that is retired and a basis that the purpose
does not have are withheld before Cedar is asked, so that no bundle can permit them; an item is allowed only if Cedar
says Allow without any error; Cedar skips a `forbid` that errs and lets a permit win, so an Allow with errors is
withheld. Decisions are cached by everything that enters them. Time enters only as the part of the agreement's term it
falls in, worked out anew on each call, so a cached decision never outlives its agreement.

What it does not do: it does not count uses, verify consent or look anything up.
"""

from collections.abc import Hashable
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar

import cedarpy

from policies.engine.bundle import PACKAGED, Bundle, load_bundle
from policies.engine.facts import evaluate, parse_entities, term_of
from policies.engine.question import AccessQuestion, Decision, ItemDecision
from policies.engine.rules import KNOWN_TERMS_RULE, PURPOSES_RULE, reason_of
from policies.purposes import PURPOSES, Purposes
from policies.reasons import Reason
from policies.resources import FieldDescription
from policies.vocabulary import Form, Necessity

CACHED_DECISIONS: Final = 65_536
"""Most decisions remembered; the oldest goes first."""
CACHED_ENTITIES: Final = 4_096
"""Most entity handles remembered; the oldest goes first."""

_Value = TypeVar("_Value")


class _Memory(Generic[_Value]):
    """Remembers a bounded number of values; reading takes no lock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Hashable, _Value] = {}
        self._lock = Lock()

    def get(self, key: Hashable) -> _Value | None:
        return self._values.get(key)

    def put(self, key: Hashable, value: _Value) -> None:
        with self._lock:
            while len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            self._values[key] = value


class PolicyEngine:
    """Decides questions under one checked bundle. Safe to use from several threads.

    Args:
        bundle: A checked bundle; `load` is the usual way to have one.
        remember: Most decisions to remember, at least 1.
    """

    def __init__(self, bundle: Bundle, remember: int = CACHED_DECISIONS) -> None:
        self._rules = bundle.rules
        self._decisions: _Memory[Decision] = _Memory(remember)
        self._entities: _Memory[cedarpy.Entities] = _Memory(CACHED_ENTITIES)
        self.digest: Final = bundle.digest
        self.titles: Final = bundle.titles
        self.purposes: Final = bundle.purposes

    @classmethod
    def load(cls, directory: Path | None = None, purposes: Purposes = PURPOSES) -> "PolicyEngine":
        """An engine with the bundle of a directory.

        Args:
            directory: Where the bundle is; None takes the one that comes with the package.
            purposes: The registered purposes.

        Returns:
            The engine.

        Raises:
            BadBundle: If the bundle is not wholly understood; there is no engine then, and so no decision.
        """
        return cls(load_bundle(PACKAGED if directory is None else directory, purposes))

    def decide(self, question: AccessQuestion) -> Decision:
        """Decide every item; fails closed: any doubt about an item withholds it.

        Args:
            question: Who asks for what, why, under which agreement, when.

        Returns:
            One decision per item, in the question's order. It never raises for what a question contains.
        """
        # Purposes are retired on a day, so this is looked at on every call and never remembered. A purpose that is not
        # stated is left to the guardrail that asks for one.
        fault = self.purposes.fault(question.purpose, question.basis, question.now_ms) if question.purpose else None
        if fault is not None:
            return Decision(tuple(_ungrounded(fault, *item) for item in question.items), self.digest)
        key = _key(question)
        found = self._decisions.get(key)
        if found is not None:
            return found
        decision = self._decide(question)
        if all(item.reason is not Reason.POLICY_ERROR for item in decision.items):
            self._decisions.put(key, decision)
        return decision

    def _decide(self, question: AccessQuestion) -> Decision:
        fields = [question.resource.field(code) for code, _, _ in question.items]
        asked = [(field, item[1]) for field, item in zip(fields, question.items, strict=True) if field is not None]
        results = iter(self._evaluate(question, asked))
        return Decision(
            tuple(
                _unknown(*item) if field is None else _interpret(next(results, None), *item)
                for field, item in zip(fields, question.items, strict=True)
            ),
            self.digest,
        )

    def _evaluate(
        self, question: AccessQuestion, asked: list[tuple[FieldDescription, Form]]
    ) -> list[cedarpy.AuthzResult]:
        if not asked:
            return []
        try:
            results = evaluate(self._rules, question, asked, self._handle(question, asked))
        except ValueError:
            # Cedar did not take the facts: every item is then without a result and withheld as POLICY_ERROR.
            return []
        return results if len(results) == len(asked) else []

    def _handle(self, question: AccessQuestion, asked: list[tuple[FieldDescription, Form]]) -> cedarpy.Entities:
        fields = {field.code: field for field, _ in asked}
        key = (
            question.resource.fingerprint,
            frozenset(fields),
            question.consumer,
            question.system,
            question.agreement,
        )
        handle = self._entities.get(key)
        if handle is None:
            handle = parse_entities(self._rules, question, fields.values())
            self._entities.put(key, handle)
        return handle


def _key(question: AccessQuestion) -> Hashable:
    """Everything that enters a decision under one bundle. Agreements hash by digest but compare whole."""
    return (
        question.resource.fingerprint,
        question.items,
        question.predicates,
        question.consumer,
        question.system,
        question.purpose,
        question.basis,
        question.case_present,
        question.consent_present,
        question.official,
        question.subject_scheme,
        question.emergency,
        question.service,
        term_of(question),
        question.agreement,
    )


def _unknown(field: str, form: Form, necessity: Necessity) -> ItemDecision:
    return ItemDecision(field, form, necessity, False, Reason.UNKNOWN_TERM, (KNOWN_TERMS_RULE,))


def _ungrounded(fault: Reason, field: str, form: Form, necessity: Necessity) -> ItemDecision:
    rule = KNOWN_TERMS_RULE if fault is Reason.UNKNOWN_TERM else PURPOSES_RULE
    return ItemDecision(field, form, necessity, False, fault, (rule,))


def _interpret(result: cedarpy.AuthzResult | None, field: str, form: Form, necessity: Necessity) -> ItemDecision:
    """Read one result; fails closed: only Allow without a single error allows."""
    if result is None or result.diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
        return ItemDecision(field, form, necessity, False, Reason.POLICY_ERROR, ())
    names = result.diagnostics.id_annotations_by_reason
    rules = tuple(sorted(names.get(rule, rule) for rule in result.diagnostics.reasons))
    if result.decision is cedarpy.Decision.Allow:
        return ItemDecision(field, form, necessity, True, None, rules)
    return ItemDecision(field, form, necessity, False, reason_of(rules), rules)
