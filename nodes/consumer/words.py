"""The public words of an answer: forms and marks by their number on the wire, and reasons by their code.

A reason's text comes from our own table, never from the peer; a code that this version does not know is shown as
unknown in words while the code itself stays visible.
"""

import re

from nodes.errors import PublicText
from oncegate.v1 import signed_pb2
from policies.predicates import Operator
from policies.reasons import TEXT, Reason
from policies.vocabulary import FieldMark, Form

FORMS: dict[signed_pb2.Form, Form] = {
    signed_pb2.FORM_EXISTS: Form.EXISTS,
    signed_pb2.FORM_YEAR: Form.YEAR,
    signed_pb2.FORM_MASKED: Form.MASKED,
    signed_pb2.FORM_VALUE: Form.VALUE,
    signed_pb2.FORM_PREDICATE: Form.PREDICATE,
}
FORM_NUMBERS = {form: number for number, form in FORMS.items()}
OPERATORS: dict[signed_pb2.PredicateOperator, Operator] = {
    signed_pb2.PREDICATE_OPERATOR_GE: Operator.GE,
    signed_pb2.PREDICATE_OPERATOR_LE: Operator.LE,
    signed_pb2.PREDICATE_OPERATOR_IN: Operator.IN,
    signed_pb2.PREDICATE_OPERATOR_EQUALS: Operator.EQUALS,
    signed_pb2.PREDICATE_OPERATOR_SAME_AS: Operator.SAME_AS,
    signed_pb2.PREDICATE_OPERATOR_AGE_AT_LEAST: Operator.AGE_AT_LEAST,
}
OPERATOR_NUMBERS = {operator: number for number, operator in OPERATORS.items()}
MARKS: dict[signed_pb2.FieldMark, FieldMark] = {signed_pb2.FIELD_MARK_DISPUTED: FieldMark.DISPUTED}
"""The marks that this SDK shows, and says in its requests that it shows."""
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
UNKNOWN_REASON = PublicText("未知原因", "A reason that this version does not know")


def reason_code(stated: str) -> str:
    """A reason code as it may be shown and recorded.

    Args:
        stated: As stated by the gateway.

    Returns:
        The code, or UNKNOWN when what was stated is no code.
    """
    return stated if _CODE.fullmatch(stated) else "UNKNOWN"


def reason_text(code: str) -> PublicText:
    """The public text of a reason code.

    Args:
        code: As stated by the gateway.

    Returns:
        Its text, or that of an unknown reason.
    """
    try:
        text = TEXT[Reason(code)]
    except ValueError:
        return UNKNOWN_REASON
    return PublicText(text.zh, text.en)
