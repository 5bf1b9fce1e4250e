"""Turns a question into Cedar's entities and requests, and evaluates them.

Rules kept here: only the question's own entities are passed, so the cost does not grow with the number of agreements;
entities and requests are checked against the schema, and whatever does not fit it gives no decision.

What it does not do: it does not interpret results; `policies.engine.engine` does, and treats every doubt as a denial.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cedarpy

from policies.agreements import Agreement
from policies.agreements.agreement import DAY_MS
from policies.engine.question import AccessQuestion
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Form

NO_AGREEMENT: Final = ""
"""Id of the agreement that is never among the entities."""
NO_TERM: Final = "none"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """Parsed rules and schema, ready to be asked; parsing them each time would cost fifty times the evaluation."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema


def term_of(question: AccessQuestion) -> str:
    """Where the question's moment lies in its agreement's term: a code of the schema's `Term`."""
    return NO_TERM if question.agreement is None else str(question.agreement.term(question.now_ms))


def parse_entities(
    rules: Rules, question: AccessQuestion, fields: Iterable[FieldDescription], without: str = ""
) -> cedarpy.Entities:
    """The question's entities as a handle, which costs more to make than to ask.

    Args:
        rules: Whose schema the entities must fit.
        question: The question; only its system, resource and agreement enter.
        fields: The fields asked for.
        without: Type of the entities to leave out, for probes; empty leaves out none.

    Returns:
        The handle.

    Raises:
        ValueError: If Cedar does not accept the entities.
    """
    entities = [entity for entity in _entities(question, fields) if entity["uid"]["type"] != without]
    return cedarpy.Entities.from_json_str(json.dumps(entities), rules.schema)


def evaluate(
    rules: Rules,
    question: AccessQuestion,
    items: Sequence[tuple[FieldDescription, Form]],
    entities: cedarpy.Entities,
) -> list[cedarpy.AuthzResult]:
    """Ask Cedar about each item.

    Args:
        rules: What to evaluate.
        question: The question.
        items: The question's known fields with the form asked for.
        entities: The question's entities.

    Returns:
        One result per item, uninterpreted; what does not fit the schema gives a result without a decision.

    Raises:
        ValueError: If Cedar does not accept the request at all.
    """
    requests = [_request(question, field, form) for field, form in items]
    return cedarpy.is_authorized_batch(requests, rules.policies, entities, rules.schema)


def _uid(kind: str, name: str) -> Json:
    return {"type": kind, "id": name}


def _ref(kind: str, name: str) -> Json:
    return {"__entity": _uid(kind, name)}


def _field_name(resource: str, field: str) -> str:
    return f"{resource}:{field}"


def _system_name(department: str, system: str) -> str:
    return f"{department}/{system}"


def _agreement_name(agreement: Agreement | None) -> str:
    return NO_AGREEMENT if agreement is None else f"{agreement.id}/{agreement.revision}"


def _entities(question: AccessQuestion, fields: Iterable[FieldDescription]) -> list[Json]:
    system = _system_name(question.consumer, question.system)
    entities = [
        {"uid": _uid("System", system), "attrs": {}, "parents": [_uid("Department", question.consumer)]},
        _resource(question.resource),
        *(_field(question.resource, field) for field in fields),
    ]
    if question.agreement is not None:
        entities.append(_agreement(question.agreement))
    return entities


def _resource(resource: ResourceDescription) -> Json:
    return {
        "uid": _uid("Resource", resource.code),
        "attrs": {
            "provider": _ref("Department", resource.provider),
            "sharing_type": _ref("SharingType", resource.sharing_type),
            "schemes": [_ref("Scheme", scheme) for scheme in resource.subject_schemes],
        },
        "parents": [],
    }


def _field(resource: ResourceDescription, field: FieldDescription) -> Json:
    return {
        "uid": _uid("Field", _field_name(resource.code, field.code)),
        "attrs": {
            "belongs_to": _ref("Resource", resource.code),
            "classification": _ref("Classification", field.classification),
            "forms": [_ref("Form", form) for form in field.forms],
        },
        "parents": [_uid("Resource", resource.code)],
    }


def _agreement(agreement: Agreement) -> Json:
    fields = {field: _ref("Field", _field_name(agreement.resource, field)) for field in agreement.items}
    attributes = {
        "provider": _ref("Department", agreement.provider),
        "consumer": _ref("Department", agreement.consumer),
        "systems": [_ref("System", _system_name(agreement.consumer, name)) for name in agreement.systems],
        "resource": _ref("Resource", agreement.resource),
        "purposes": [_ref("Purpose", purpose) for purpose in agreement.purposes],
        "basis": _ref("Basis", agreement.legal_basis),
        "case_required": agreement.case_required,
        "official_required": agreement.official_required,
        "for_services": bool(agreement.services),
        "services": [_ref("Service", code) for code in agreement.services],
        "for_emergencies": agreement.emergency is not None,
        "emergency_reasons": [
            _ref("EmergencyReason", reason)
            for reason in (agreement.emergency.reasons if agreement.emergency is not None else ())
        ],
        "impact_assessed": bool(agreement.impact_assessment),
        "term_days": -(-(agreement.valid_until_ms - agreement.valid_from_ms) // DAY_MS),
        "fields": list(fields.values()),
        "items": [
            {"field": fields[field], "form": _ref("Form", form)}
            for field, forms in agreement.items.items()
            for form in forms
        ],
        "predicates": [
            {"field": _ref("Field", _field_name(agreement.resource, one.field)), "name": one.name}
            for one in agreement.predicates.values()
        ],
    }
    if agreement.sharing_type is not None:
        attributes["sharing_type"] = _ref("SharingType", agreement.sharing_type)
    return {"uid": _uid("Agreement", _agreement_name(agreement)), "attrs": attributes, "parents": []}


def _request(question: AccessQuestion, field: FieldDescription, form: Form) -> Json:
    return {
        "principal": _uid("System", _system_name(question.consumer, question.system)),
        "action": _uid("Action", "release"),
        "resource": _uid("Field", _field_name(question.resource.code, field.code)),
        "context": {
            "agreement": _ref("Agreement", _agreement_name(question.agreement)),
            "term": _ref("Term", term_of(question)),
            "purpose": _ref("Purpose", question.purpose),
            "basis": _ref("Basis", question.basis),
            "form": _ref("Form", form),
            "predicate": dict(question.predicates).get(field.code, "") if form is Form.PREDICATE else "",
            "scheme": _ref("Scheme", question.subject_scheme),
            "emergency": _ref("EmergencyReason", question.emergency),
            "service": _ref("Service", question.service),
            "case_present": question.case_present,
            "consent_present": question.consent_present,
            "official_present": question.official,
        },
    }
