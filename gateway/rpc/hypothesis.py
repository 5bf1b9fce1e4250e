"""Reads a question that nobody asked out of a message of PolicyService: sizes and words first, then its meaning.

An error names the field's path and the rule, never the value. The operator's command reads its options by the same.
"""

from typing import Final

from gateway.errors import Refused, bad_request
from gateway.exchange.consider import ConsentSays
from gateway.exchange.hypothesis import Hypothesis
from gateway.exchange.model import RequestItem
from gateway.rpc.codec import BASES, FORMS
from oncegate.v1 import policy_pb2
from policies.emergencies import known
from policies.identifiers import known_schemes
from policies.predicates import BadPredicate, checked_need
from policies.resources import DEPARTMENT_PATTERN
from policies.service_reference import SERVICE_PATTERN
from policies.vocabulary import Necessity

_DEFAULT_SCHEME: Final = "cn.resident-id"
_MAX_NAME: Final = 63
_MAX_CODE: Final = 128


def hypothesis_of(request: policy_pb2.ExplainDecisionRequest) -> Hypothesis:
    """The question in a message.

    Args:
        request: As it came.

    Raises:
        Refused: BAD_REQUEST with the first broken rule.
    """
    scheme = request.subject_scheme or _DEFAULT_SCHEME
    for holds, path, rule in (
        (DEPARTMENT_PATTERN.fullmatch(request.consumer), "consumer", "must be a department id"),
        (1 <= len(request.system) <= _MAX_NAME, "system", f"must be 1 to {_MAX_NAME} characters"),
        (request.legal_basis in BASES, "legal_basis", "must be mandate, explicit request or consent"),
        (len(request.purpose) <= _MAX_CODE, "purpose", f"must be at most {_MAX_CODE} characters"),
        (scheme in known_schemes(), "subject_scheme", "must be a known scheme"),
        (not request.emergency or known(request.emergency), "emergency", "must be a registered reason"),
        (
            not request.service or SERVICE_PATTERN.fullmatch(request.service),
            "service",
            "must be the code of a service item",
        ),
    ):
        if not holds:
            raise bad_request(path, rule)
    items = tuple(_item(f"items[{position}]", item) for position, item in enumerate(request.items))
    return Hypothesis(
        consumer=request.consumer,
        system=request.system,
        items=items,
        purpose=request.purpose,
        basis=BASES[request.legal_basis],
        scheme=scheme,
        case_present=request.case_present,
        official_present=request.official_present,
        emergency=request.emergency,
        service=request.service,
        consents={item.resource: ConsentSays(None) for item in items} if request.consent_present else {},
    )


def _item(path: str, item: policy_pb2.HypotheticalItem) -> RequestItem:
    if item.form not in FORMS or any(form not in FORMS for form in item.accepted):
        raise bad_request(f"{path}.form", "must be a form")
    if len(item.resource) > _MAX_CODE or len(item.field) > _MAX_CODE:
        raise bad_request(path, f"codes must be at most {_MAX_CODE} characters")
    form, accepted = FORMS[item.form], tuple(FORMS[other] for other in item.accepted)
    try:
        need = checked_need(form, name=item.predicate, operator=None, constants=(), accepted=accepted, committed=False)
    except BadPredicate as error:
        raise _broken(path, error) from None
    necessity = Necessity.OPTIONAL if item.optional else Necessity.REQUIRED
    return RequestItem(item.resource, item.field, form, necessity, need, accepted)


def _broken(path: str, error: BadPredicate) -> Refused:
    return bad_request(f"{path}.{error.key}", error.rule)
