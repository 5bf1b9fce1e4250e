"""The operands of predicates, texts or second persons' identifiers: beside a signed request, and never kept.

Rules kept: each operand is the one that the request commits to, and each that a permitted predicate needs is there;
sizes and shapes are checked first. Fails closed: the request is refused; the refusal names the place and the rule,
never the operand. What passes says nothing about any record.
"""

from collections.abc import Mapping
from typing import Final

from gateway.errors import Code, Refused, Violation, bad_request
from gateway.exchange.model import Call, SignedRequest
from keys.errors import BadSignature
from keys.operands import check_operand as check_commitment
from policies.identifiers import BadIdentifier, normalise
from policies.predicates import WITH_OPERAND, BadPredicate, Operator, Predicate, check_operand
from policies.release import BadValue, canonicalise
from policies.vocabulary import DataType

_MOST: Final = 64


def checked_operands(call: Call, request: SignedRequest) -> Mapping[tuple[str, str], str]:
    """The operands of a call by resource and field.

    Raises:
        Refused: BAD_REQUEST when one is malformed, not asked for, missing, or not the one committed to.
    """
    committed = {
        (item.resource, item.field): item.operand_commitment for item in request.items if item.operand_commitment
    }
    if len(call.operands) > _MOST:
        raise bad_request("operands", f"must be at most {_MOST}")
    found: dict[tuple[str, str], str] = {}
    for position, (resource, field, operand) in enumerate(call.operands):
        path = f"operands[{position}]"
        commitment = committed.get((resource, field))
        if commitment is None or (resource, field) in found:
            raise bad_request(path, "must be of an item that commits to it, once")
        try:
            check_operand(operand)
            check_commitment(call.subject_nonce, resource, field, operand, commitment)
        except BadPredicate as error:
            raise bad_request(path, error.rule) from None
        except BadSignature:
            raise bad_request(path, "must be the operand that the request commits to") from None
        found[resource, field] = operand
    if committed.keys() - found.keys():
        raise bad_request("operands", "must hold the operand of every item that commits to one")
    return found


def operand_of(
    operands: Mapping[tuple[str, str], str], resource: str, predicate: Predicate, data_type: DataType, scheme: str
) -> str:
    """The operand of a permitted predicate; empty for an operator without.

    Args:
        operands: By resource and field.
        resource: Resource code.
        predicate: As permitted.
        data_type: The field's type.
        scheme: Scheme of the subject's identifier, and so of a second person's.

    Raises:
        Refused: BAD_REQUEST when it is missing, superfluous, no value of the field's type, or, for `same_as`, no
            identifier.
    """
    operand = operands.get((resource, predicate.field), "")
    path = f"operands.{resource}.{predicate.field}"
    if (predicate.operator in WITH_OPERAND) != bool(operand):
        raise bad_request(path, "is there exactly for the operators equals and same_as")
    if operand:
        try:
            if predicate.operator is Operator.SAME_AS:
                normalise(scheme, operand)
            else:
                canonicalise(data_type, operand)
        except (BadIdentifier, BadValue) as error:
            violation = Violation(path, error.rule)
            raise Refused(Code.BAD_REQUEST, "operand", violations=(violation,)) from None
    return operand
