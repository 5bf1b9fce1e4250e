"""Lints agreements: never usable, granting more than the catalogue offers, or in each other's way.

Rules kept here: the catalogue, departments and systems are as of the moment of linting; an agreement is compared only
with others of the same consumer and resource, so the cost grows with the number of agreements and not with its square.

What it does not do: it verifies no signature and withdraws nothing. The engine withholds all the same.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from policies.agreements import SENSITIVE_TERM_MS, Agreement, Term
from policies.agreements.contradictions import contradictions, meets
from policies.agreements.locate import key_lines
from policies.lint.findings import Finding, FindingCode
from policies.purposes import Purposes
from policies.purposes.grounds import ungrounded
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, SharingType

MOST_COMPARED: Final = 200
"""Most agreements of one consumer for one resource that are compared pair by pair."""


@dataclass(frozen=True, slots=True)
class AgreementSource:
    """One agreement and what to call its file."""

    file: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange as of now. What is None is not known and not checked.

    Args:
        resource: Description by code; None when the catalogue has none.
        key_of: Fingerprint of a department's registered key by its id; None when it is unknown or revoked.
        systems_of: Names of a department's systems.
        purposes: The registered purposes.
    """

    resource: Callable[[str], ResourceDescription | None] | None = None
    key_of: Callable[[str], str | None] | None = None
    systems_of: Callable[[str], Collection[str]] | None = None
    purposes: Purposes | None = None


def lint_agreements(sources: Iterable[AgreementSource], exchange: Exchange, now_ms: int) -> tuple[Finding, ...]:
    """Look at each agreement, and at those that could be taken for each other.

    Args:
        sources: The agreements, each in its newest revision.
        exchange: What exists.
        now_ms: Now, Unix ms.

    Returns:
        Findings, in the order of the agreements.
    """
    found: list[Finding] = []
    together: dict[tuple[str, str], list[AgreementSource]] = {}
    for source in sources:
        found += _Look(source, exchange, now_ms).findings()
        held = source.agreement
        if held.term(now_ms) is not Term.EXPIRED:
            together.setdefault((held.consumer, held.resource), []).append(source)
    for several in together.values():
        found += _pairs(several[:MOST_COMPARED])
    return tuple(found)


class _Look:
    """One agreement against what exists."""

    def __init__(self, source: AgreementSource, exchange: Exchange, now_ms: int) -> None:
        self._source = source
        self._held = source.agreement
        self._exchange = exchange
        self._now_ms = now_ms
        self._lines = key_lines(source.agreement.raw.decode("utf-8", "replace"))

    def findings(self) -> Iterator[Finding]:
        if self._held.term(self._now_ms) is Term.EXPIRED:
            yield self._finding(FindingCode.AGREEMENT_EXPIRED, "valid_until")
        if self._exchange.purposes is not None:
            for one in ungrounded(self._held, self._exchange.purposes, self._now_ms):
                yield self._finding(FindingCode.AGREEMENT_PURPOSE, "purposes", f"{one.purpose}: {one.reason}")
        yield from self._parties()
        if self._exchange.resource is not None:
            yield from self._catalogue(self._exchange.resource(self._held.resource))

    def _finding(self, code: FindingCode, key: str, detail: str = "") -> Finding:
        return Finding(code, self._source.file, self._lines.get(key, 0), key, detail)

    def _parties(self) -> Iterator[Finding]:
        held = self._held
        if self._exchange.key_of is not None:
            for side, department, key in (
                ("provider", held.provider, held.provider_key),
                ("consumer", held.consumer, held.consumer_key),
            ):
                registered = self._exchange.key_of(department)
                if registered is None:
                    yield self._finding(FindingCode.AGREEMENT_DEPARTMENT, side, department)
                elif registered != key:
                    yield self._finding(FindingCode.AGREEMENT_KEY, f"{side}_key", department)
        if self._exchange.systems_of is not None:
            unknown = sorted(held.systems - frozenset(self._exchange.systems_of(held.consumer)))
            if unknown:
                yield self._finding(FindingCode.AGREEMENT_SYSTEM, "systems", ", ".join(unknown))

    def _catalogue(self, resource: ResourceDescription | None) -> Iterator[Finding]:
        held = self._held
        if resource is None or resource.provider != held.provider:
            yield self._finding(FindingCode.AGREEMENT_RESOURCE, "resource", held.resource)
            return
        stated = held.sharing_type
        if resource.sharing_type is SharingType.NOT_SHARED or stated not in {None, resource.sharing_type}:
            yield self._finding(FindingCode.AGREEMENT_SHARING_TYPE, "sharing_type", str(resource.sharing_type))
        for number, (code, forms) in enumerate(held.items.items()):
            key = f"items[{number}]"
            field = resource.field(code)
            if field is None:
                yield self._finding(FindingCode.AGREEMENT_FIELD, f"{key}.field", code)
                continue
            broader = sorted(forms - field.forms)
            if broader:
                yield self._finding(
                    FindingCode.AGREEMENT_BROADER_THAN_CATALOGUE, f"{key}.forms", f"{code}: {', '.join(broader)}"
                )
            too_long = held.valid_until_ms - held.valid_from_ms > SENSITIVE_TERM_MS
            if field.classification is Classification.SENSITIVE and too_long:
                yield self._finding(FindingCode.AGREEMENT_SENSITIVE_TERM, f"{key}.field", code)
            if field.classification is Classification.SENSITIVE and not held.impact_assessment:
                yield self._finding(FindingCode.AGREEMENT_NO_ASSESSMENT, f"{key}.field", code)
        for number, predicate in enumerate(held.predicates.values()):
            field = resource.field(predicate.field)
            if field is not None and not predicate.fits(field.data_type):
                yield self._finding(FindingCode.AGREEMENT_PREDICATE, f"predicates[{number}]", predicate.name)


def _pairs(sources: Sequence[AgreementSource]) -> Iterator[Finding]:
    for first, second in combinations(sources, 2):
        one, other = first.agreement, second.agreement
        if not meets(one, other):
            continue
        shared = _shared(one.items, other.items)
        line = key_lines(other.raw.decode("utf-8", "replace")).get("id", 0)
        contrary = contradictions(one, other)
        code = FindingCode.AGREEMENT_CONTRADICTION if contrary else FindingCode.AGREEMENT_OVERLAP
        detail = "; ".join(filter(None, (first.file, ", ".join(shared), ", ".join(contrary))))
        yield Finding(code, second.file, line, "id", detail)


def _shared(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> list[str]:
    return [f"{field}={form}" for field, forms in one.items() for form in sorted(forms & other.get(field, frozenset()))]
