"""Made-up questions for one rule: every combination of what the rule talks about, or a fixed sample of them.

A rule can tell questions apart only by the attributes that it reads and the constants that it compares them with. So
each attribute that occurs in the rule takes each constant that occurs, and one other value; what does not occur stays
as in a question that everything permits. Up to `MOST` combinations are tried whole. Of more, first those in which every
attribute takes a constant of the rule, so that a long conjunction is met; then what differs from these in one thing;
then a pseudo-random rest, the same in every run.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from policies.engine import AccessQuestion
from policies.engine.probes import FOR_EMERGENCIES, PERMITTED, REASON, SERVICE
from policies.predicates import Operator, Predicate
from policies.purposes import PURPOSES
from policies.vocabulary import Classification, Form, LegalBasis, Necessity, SharingType

MOST: Final = 600
_ANCHORS: Final = 16
_OTHER: Final = "other"
_DAY_MS: Final = 86_400_000
_NO_AGREEMENT: Final = "none"
_ASKED: Final = "asked"

# Which of our dimensions an attribute or variable of the schema depends on.
_BY_ATTRIBUTE: Final[Mapping[str, tuple[str, ...]]] = {
    "belongs_to": ("resource",),
    "provider": ("resource", "agreement"),
    "sharing_type": ("sharing_type", "agreement"),
    "schemes": ("scheme",),
    "scheme": ("scheme",),
    "classification": ("classification",),
    "forms": ("form", "offered"),
    "form": ("form",),
    "agreement": ("agreement", "term"),
    "term": ("term", "agreement"),
    "purpose": ("purpose",),
    "purposes": ("purpose", "agreement"),
    "basis": ("basis", "agreement"),
    "case_present": ("case",),
    "consent_present": ("consent",),
    "official_present": ("official",),
    "case_required": ("agreement",),
    "official_required": ("agreement",),
    "service": ("service", "for_services"),
    "for_services": ("service", "for_services", "agreement"),
    "services": ("service", "for_services", "agreement"),
    "emergency": ("emergency", "for_emergencies"),
    "for_emergencies": ("emergency", "for_emergencies", "agreement"),
    "emergency_reasons": ("emergency", "for_emergencies", "agreement"),
    "consumer": ("system", "agreement"),
    "systems": ("system", "agreement"),
    "resource": ("resource", "agreement"),
    "fields": ("field", "agreement"),
    "items": ("field", "form", "agreement"),
    "predicate": ("form", "predicate"),
    "predicates": ("form", "predicate", "agreement"),
    "term_days": ("term_days", "agreement"),
    "impact_assessed": ("assessed", "agreement"),
}
_BY_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "Department": ("system",),
    "System": ("system",),
    "Resource": ("resource",),
    "Field": ("field", "resource"),
    "Purpose": ("purpose",),
    "EmergencyReason": ("emergency",),
    "Service": ("service",),
    "Scheme": ("scheme",),
    "Form": ("form",),
    "Basis": ("basis",),
    "Classification": ("classification",),
    "SharingType": ("sharing_type",),
    "Term": ("term",),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """The questions for one rule, and whether they are every combination."""

    questions: tuple[AccessQuestion, ...]
    whole: bool


def questions_for(rule: Mapping[str, Any], scope: Mapping[str, frozenset[str]]) -> Tried:
    """Questions by which a rule can be told apart from others.

    Args:
        rule: The rule in Cedar's JSON policy format.
        scope: Values that the rule's scope names, so that a rule is tried inside and outside of it.
    """
    pools, mentioned = _pools(rule, scope)
    total = 1
    for values in pools.values():
        total *= len(values)
    combinations = (
        _every(pools) if total <= MOST else _sample(pools, mentioned, str(rule.get("annotations", {}).get("id")))
    )
    return Tried(tuple(_question(one) for one in combinations), total <= MOST)


def _pools(
    rule: Mapping[str, Any], scope: Mapping[str, frozenset[str]]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Every value of each dimension that the rule touches, and those of them that occur in it."""
    literals: dict[str, set[str]] = {}
    numbers: set[int] = set()
    touched: set[str] = set()
    for node in _nodes(rule):
        kind, name = node.get("type"), node.get("id")
        if isinstance(kind, str) and isinstance(name, str):
            literals.setdefault(kind, set()).add(name)
            if kind in _BY_TYPE:
                touched |= set(_BY_TYPE[kind])
        for operator in (".", "has"):
            attribute = node.get(operator, {}).get("attr") if isinstance(node.get(operator), dict) else None
            touched |= set(_BY_ATTRIBUTE.get(attribute, ())) if isinstance(attribute, str) else set()
        value = node.get("Value")
        if isinstance(value, int) and not isinstance(value, bool):
            numbers.add(value)
    if rule["effect"] == "permit":
        # What a permit must never do is permit without an agreement, so that is always tried.
        touched |= {"agreement", "term"}
    for key, named in scope.items():
        dimension = {"consumer": "system", "provider": "resource"}.get(key, key)
        touched |= {dimension, "resource"} if key == "field" else {dimension}
        kind = {"consumer": "Department", "system": "System", "resource": "Resource", "field": "Field"}.get(key)
        kind = kind or {"purpose": "Purpose", "scheme": "Scheme"}.get(key)
        if kind is not None:
            literals.setdefault(kind, set()).update(named)
    values = _values(literals, numbers)
    pools = {name: values[name] for name in sorted(touched & values.keys())}
    named_by_type = {dimension: kind for kind, dimensions in _BY_TYPE.items() for dimension in dimensions[:1]}
    mentioned = {
        name: tuple(value for value in pool if _means(value, literals.get(named_by_type.get(name, ""), set())))
        for name, pool in pools.items()
    }
    return pools, mentioned


def _means(value: str, literals: set[str]) -> bool:
    """Whether a value of a dimension stands for one of the rule's constants."""
    return value in literals or any(
        literal.partition(":")[2] == value or literal == value.partition("/")[0] for literal in literals
    )


def _values(literals: Mapping[str, set[str]], numbers: set[int]) -> dict[str, tuple[str, ...]]:
    """Every value of each dimension; the first is the one of a question that everything permits."""
    systems = [f"{name}/{PERMITTED.system}" for name in literals.get("Department", ())]
    systems += [name if "/" in name else f"{name}/{PERMITTED.system}" for name in literals.get("System", ())]
    fields = sorted(literals.get("Field", ()))
    resources = sorted({*literals.get("Resource", ()), *(field.partition(":")[0] for field in fields)})
    days = sorted({str(n + step) for n in numbers for step in (-1, 0, 1) if 1 <= n + step <= 1098})  # noqa: PLR2004
    return {
        "system": _first(f"{PERMITTED.consumer}/{PERMITTED.system}", *sorted(systems), f"{_OTHER}/{_OTHER}"),
        "resource": _first(PERMITTED.resource.code, *resources, "other.resource"),
        "field": _first("name", *(field.partition(":")[2] for field in fields), _OTHER),
        "classification": _first("sensitive", *Classification),
        "sharing_type": _first("conditional", *(one for one in SharingType)),
        "form": _first("value", *Form),
        "offered": ("yes", "no"),
        "predicate": ("agreed", _OTHER),
        "purpose": _first(PERMITTED.purpose, "", *sorted(literals.get("Purpose", ())), _another(literals)),
        "basis": _first("explicit_request", *LegalBasis),
        "scheme": _first(PERMITTED.subject_scheme, *sorted(literals.get("Scheme", ())), "other.scheme"),
        "term": ("in_force", "not_started", "expired", _NO_AGREEMENT),
        "case": ("yes", "no"),
        "official": ("yes", "no"),
        "consent": ("no", "yes"),
        "emergency": _first("", REASON, *sorted(literals.get("EmergencyReason", ())), _OTHER),
        "for_emergencies": ("no", "yes"),
        "service": _first("", SERVICE, *sorted(literals.get("Service", ())), _OTHER),
        "for_services": ("no", "yes"),
        "assessed": ("yes", "no"),
        "agreement": ("fits", _OTHER, "requires_nothing"),
        "term_days": _first("20", *days),
    }


def _another(literals: Mapping[str, set[str]]) -> str:
    named = literals.get("Purpose", set())
    return next((code for code in PURPOSES if code not in named and code != PERMITTED.purpose), "")


def _first(*values: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, values)))


def _nodes(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _every(pools: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    for values in itertools.product(*pools.values()):
        yield dict(zip(pools, values, strict=True))


def _sample(
    pools: Mapping[str, Sequence[str]], mentioned: Mapping[str, Sequence[str]], seed: str
) -> list[dict[str, str]]:
    first = {name: values[0] for name, values in pools.items()}
    chosen: dict[tuple[str, ...], dict[str, str]] = {}

    def choose(one: dict[str, str]) -> None:
        if len(chosen) < MOST:
            chosen.setdefault(tuple(one.values()), one)

    choose(first)
    met = itertools.product(
        *((*mentioned[name], values[0])[: max(1, len(mentioned[name]))] for name, values in pools.items())
    )
    anchors = [dict(zip(pools, values, strict=True)) for values in itertools.islice(met, _ANCHORS)]
    for anchor in anchors:
        choose(anchor)
    for anchor in [first, *anchors]:
        for name, values in pools.items():
            for value in values:
                choose({**anchor, name: value})
    # Not a secret: only the same in every run.
    rng = random.Random(seed)  # noqa: S311
    for _ in range(2 * MOST):
        anchor = rng.choice(anchors)
        changed = rng.sample(list(pools), k=rng.randint(2, len(pools)))
        choose({**anchor, **{name: rng.choice(list(pools[name])) for name in changed}})
    return list(chosen.values())


def _question(values: Mapping[str, str]) -> AccessQuestion:
    """The question of one combination. Its agreement grants all that is asked, unless it is to be another one."""
    consumer, _, system = values.get("system", f"{PERMITTED.consumer}/{PERMITTED.system}").partition("/")
    code, form = values.get("field", "name"), Form(values.get("form", "value"))
    template = PERMITTED.resource.fields[0]
    described = replace(
        template,
        code=code,
        classification=Classification(values.get("classification", "sensitive")),
        forms=frozenset(Form) if values.get("offered", "yes") == "yes" else frozenset(),
    )
    resource_code = values.get("resource", PERMITTED.resource.code)
    resource = replace(
        PERMITTED.resource,
        code=resource_code,
        provider=PERMITTED.resource.provider
        if resource_code == PERMITTED.resource.code
        else resource_code.split(".")[0],
        sharing_type=SharingType(values.get("sharing_type", "conditional")),
        fields=(described,),
    )
    scheme = values.get("scheme", PERMITTED.subject_scheme)
    if scheme != "other.scheme":
        resource = replace(resource, subject_schemes=(scheme,))
    purpose, basis = values.get("purpose", PERMITTED.purpose), LegalBasis(values.get("basis", "explicit_request"))
    held = PERMITTED.agreement
    assert held is not None, "the permitted probe has an agreement"
    if values.get("agreement") == _OTHER:
        held = replace(held, resource="other.agreed", consumer="third", items={"third": frozenset({Form.EXISTS})})
    else:
        asks = values.get("agreement") != "requires_nothing"
        held = replace(
            held,
            resource=resource_code,
            provider=resource.provider,
            consumer=consumer,
            systems=frozenset({system}),
            sharing_type=resource.sharing_type,
            purposes=frozenset({purpose}) if purpose else held.purposes,
            legal_basis=basis,
            items={code: frozenset({form})},
            predicates={_ASKED: Predicate(_ASKED, code, Operator.IN, ("x",))},
            case_required=asks,
            official_required=asks,
        )
    if values.get("assessed") == "no":
        held = replace(held, impact_assessment="")
    if values.get("for_emergencies") == "yes":
        held = replace(held, emergency=FOR_EMERGENCIES)
    if values.get("for_services") == "yes":
        held = replace(held, services=frozenset({SERVICE}))
    term, half = values.get("term", "in_force"), int(values.get("term_days", "20")) * _DAY_MS // 2
    start = PERMITTED.now_ms + {"not_started": half, "expired": -3 * half}.get(term, -half)
    held = replace(held, valid_from_ms=start, valid_until_ms=start + 2 * half)
    return AccessQuestion(
        consumer=consumer,
        system=system,
        resource=resource,
        items=((code, form, Necessity.REQUIRED),),
        purpose=purpose,
        basis=basis,
        case_present=values.get("case", "yes") == "yes",
        agreement=None if term == _NO_AGREEMENT else held,
        subject_scheme=scheme,
        now_ms=PERMITTED.now_ms,
        official=values.get("official", "yes") == "yes",
        consent_present=values.get("consent", "no") == "yes",
        emergency=values.get("emergency", ""),
        service=values.get("service", ""),
        predicates=((code, _ASKED if values.get("predicate", "agreed") == "agreed" else _OTHER),),
    )
