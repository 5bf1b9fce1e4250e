"""Pseudo-random questions that are nearly permitted: a sound one in which up to three things are changed.

Wholly random questions are nearly all withheld for the first reason there is; these reach every guardrail often, and
combinations of them too. The same seed gives the same questions.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from policies.agreements import Agreement
from policies.agreements.emergency import EmergencyTerms
from policies.engine import AccessQuestion
from policies.predicates import Operator, Predicate
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, DataType, Form, LegalBasis, Necessity, SharingType
from tests.support.policy_cases import NOW_MS, agreement, field, resource
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED

DAY_MS = 86_400_000
FIELDS = ("name", "birth_date", "income", "record")
PURPOSES = ("school_enrolment", "housing_fund_withdrawal", "medical_reimbursement", "", "curiosity")
EMERGENCIES = ("life_saving_care", "disaster_relief")
SERVICES = ("school-enrolment", "newborn")
FOR_EMERGENCIES = EmergencyTerms(frozenset(EMERGENCIES[:1]), 5, 24, None, "", 0)
GROUNDLESS = (RETIRED, CONSENT_ONLY)
Change = Callable[[random.Random, AccessQuestion], AccessQuestion]


def questions(number: int, seed: int = 1) -> list[AccessQuestion]:
    """So many questions."""
    rng = random.Random(seed)
    return [_question(rng) for _ in range(number)]


def _question(rng: random.Random) -> AccessQuestion:
    asked = _permitted(rng)
    for change in rng.sample(CHANGES, k=rng.choice((0, 1, 1, 1, 2, 2, 3))):
        asked = change(rng, asked)
    return asked


def _permitted(rng: random.Random) -> AccessQuestion:
    """A question of which something is released: its agreement and catalogue list what is asked for."""
    basis = rng.choice(tuple(LegalBasis))
    shared = rng.choice((SharingType.UNCONDITIONAL, SharingType.CONDITIONAL))
    items: dict[str, frozenset[Form]] = {
        code: frozenset(rng.sample(tuple(Form), k=rng.randint(1, 5))) for code in FIELDS[:3]
    }
    items["record"] = frozenset({Form.EXISTS})
    start = NOW_MS - rng.randrange(1, 200) * DAY_MS
    held = agreement(
        sharing_type=rng.choice((None, shared)),
        legal_basis=basis,
        valid_from_ms=start,
        valid_until_ms=start + rng.choice((300 * DAY_MS, 366 * DAY_MS)),
        case_required=rng.random() < 0.5,
        official_required=rng.random() < 0.5,
        impact_assessment="PIA-2025-1",
        items=items,
        predicates={f"{code}_asked": Predicate(f"{code}_asked", code, Operator.IN, ("x",)) for code in FIELDS[:3]},
    )
    described = resource(
        sharing_type=shared,
        classification=rng.choice(tuple(Classification)),
        fields=tuple(
            field(
                code,
                data_type=DataType.STRING,
                forms=items[code] | frozenset(rng.sample(tuple(Form), k=2)),
                classification=rng.choice(tuple(Classification)),
            )
            for code in FIELDS[:3]
        ),
    )
    wanted = rng.sample(FIELDS, k=rng.randint(1, 4))
    return AccessQuestion(
        consumer=held.consumer,
        system=rng.choice(sorted(held.systems)),
        resource=described,
        items=tuple((code, rng.choice(sorted(items[code])), rng.choice(tuple(Necessity))) for code in wanted),
        purpose=rng.choice(sorted(held.purposes)),
        basis=basis,
        case_present=held.case_required or rng.random() < 0.5,
        agreement=held,
        subject_scheme="cn.resident-id",
        now_ms=NOW_MS,
        official=held.official_required or rng.random() < 0.5,
        consent_present=basis is LegalBasis.CONSENT or rng.random() < 0.5,
        predicates=tuple((code, f"{code}_asked") for code in FIELDS[:3]),
    )


def _held(asked: AccessQuestion, **changes: Any) -> AccessQuestion:
    held: Agreement | None = asked.agreement
    return asked if held is None else replace(asked, agreement=replace(held, **changes))


def _resource(asked: AccessQuestion, **changes: Any) -> AccessQuestion:
    described: ResourceDescription = asked.resource
    return replace(asked, resource=replace(described, **changes))


def _emergency(rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    """A declared emergency under an agreement for emergencies."""
    return _held(replace(asked, emergency=rng.choice(EMERGENCIES)), emergency=FOR_EMERGENCIES)


def _service(rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    """A service that is named under an agreement for services."""
    return _held(replace(asked, service=rng.choice(("", *SERVICES))), services=frozenset(SERVICES[:1]))


def _long(_rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    held = asked.agreement
    return asked if held is None else _held(asked, valid_until_ms=held.valid_from_ms + 366 * DAY_MS + 1)


def _unassessed(rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    """An agreement without an impact assessment; often a field's class was raised since it was made."""
    raised = tuple(
        replace(one, classification=Classification.SENSITIVE) if rng.random() < 0.5 else one
        for one in asked.resource.fields
    )
    return _held(_resource(asked, fields=raised), impact_assessment="")


def _agreed_purpose(rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    """A purpose that both request and agreement name, and that is over, or may not rest on every basis."""
    purpose = rng.choice(GROUNDLESS)
    held = asked.agreement
    asked = replace(asked, purpose=purpose, now_ms=asked.now_ms - rng.choice((0, 0, 1)) * DAY_MS)
    return asked if held is None else _held(asked, purposes=held.purposes | {purpose})


def _less(rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    """An agreement that does not list one of the fields, or only other forms of it."""
    held = asked.agreement
    if held is None:
        return asked
    code = rng.choice(FIELDS)
    items = {**held.items, code: frozenset(rng.sample(tuple(Form), k=1))}
    if rng.random() < 0.5:
        del items[code]
    return _held(asked, items=items)


def _offered_less(rng: random.Random, asked: AccessQuestion) -> AccessQuestion:
    described = asked.resource.fields
    number = rng.randrange(len(described))
    changed = replace(described[number], forms=frozenset(rng.sample(tuple(Form), k=1)))
    return _resource(asked, fields=(*described[:number], changed, *described[number + 1 :]))


CHANGES: tuple[Change, ...] = (
    lambda _rng, asked: replace(asked, agreement=None),
    lambda rng, asked: replace(asked, consumer=rng.choice(("education", "police", "civil"))),
    lambda rng, asked: replace(asked, system=rng.choice(("enrolment", "library"))),
    lambda rng, asked: replace(asked, purpose=rng.choice(PURPOSES)),
    lambda rng, asked: replace(asked, basis=rng.choice(tuple(LegalBasis))),
    lambda _rng, asked: replace(asked, case_present=False),
    lambda _rng, asked: replace(asked, official=False),
    lambda _rng, asked: replace(asked, consent_present=False),
    lambda rng, asked: replace(asked, subject_scheme=rng.choice(("cn.uscc", "", "cn.resident-id"))),
    lambda rng, asked: replace(asked, now_ms=asked.now_ms + rng.randrange(-400, 400) * DAY_MS),
    lambda _rng, asked: replace(asked, now_ms=asked.agreement.valid_from_ms if asked.agreement else 0),
    lambda _rng, asked: replace(asked, now_ms=asked.agreement.valid_until_ms if asked.agreement else 0),
    lambda rng, asked: replace(
        asked, items=(*asked.items, (rng.choice(("health", *FIELDS)), rng.choice(tuple(Form)), Necessity.OPTIONAL))
    ),
    lambda rng, asked: replace(
        asked, predicates=tuple((code, rng.choice(("", "other", "name_asked"))) for code, _ in asked.predicates)
    ),
    lambda rng, asked: _held(asked, resource=rng.choice(("civil.resident", "civil.marriage"))),
    lambda rng, asked: _held(asked, provider=rng.choice(("civil", "police"))),
    lambda rng, asked: _held(asked, consumer=rng.choice(("education", "police"))),
    lambda rng, asked: _held(asked, sharing_type=rng.choice((None, *SharingType))),
    lambda rng, asked: _held(asked, legal_basis=rng.choice(tuple(LegalBasis))),
    lambda rng, asked: _resource(asked, sharing_type=rng.choice(tuple(SharingType))),
    lambda rng, asked: _resource(asked, provider=rng.choice(("civil", "police"))),
    lambda rng, asked: replace(asked, service=rng.choice(("", *SERVICES, "else"))),
    _service,
    lambda rng, asked: replace(asked, emergency=rng.choice(("", *EMERGENCIES, "whim"))),
    lambda rng, asked: _held(asked, emergency=rng.choice((None, FOR_EMERGENCIES))),
    _emergency,
    _emergency,
    _agreed_purpose,
    _long,
    _unassessed,
    _less,
    _offered_less,
)
