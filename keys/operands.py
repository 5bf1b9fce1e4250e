"""Binds the operand of an equality predicate to a signed request without putting it there.

The asking system signs a commitment; the operand travels beside the request and is checked by whoever compares with
it. So a gateway cannot exchange it, and no kept request holds it. The key is the request's subject nonce; a label that
no scheme of identifiers can be keeps it apart from the commitment to the subject.

What it does not do: it does not hide the operand from whoever carries it.
"""

import hmac
from typing import Final

from keys.errors import BadSignature

_DOMAIN: Final = b"\x00oncegate-operand-v1\x00"
_NONCE: Final = 32


def operand_commitment(nonce: bytes, resource: str, field: str, operand: str) -> bytes:
    """HMAC-SHA256(nonce, 00 ‖ label ‖ 00 ‖ resource ‖ 00 ‖ field ‖ 00 ‖ operand).

    Args:
        nonce: The request's subject nonce, 32 bytes.
        resource: Resource code.
        field: Field code.
        operand: As the asking system has it.

    Returns:
        32 bytes.

    Raises:
        BadSignature: The nonce is not 32 bytes, a code holds a zero byte, or the operand is no UTF-8.
    """
    if len(nonce) != _NONCE or "\x00" in resource or "\x00" in field:
        raise BadSignature("a nonce is 32 bytes and a code holds no zero byte")
    try:
        parts = [resource.encode(), field.encode(), operand.encode()]
    except UnicodeEncodeError:
        raise BadSignature("an operand is UTF-8") from None
    # Not `hmac.digest`: see `keys.subjects.SubjectTokens`.
    return hmac.new(nonce, _DOMAIN + b"\x00".join(parts), "sha256").digest()


def check_operand(nonce: bytes, resource: str, field: str, operand: str, commitment: bytes) -> None:
    """Accepts by returning that a commitment is to this operand; constant time in the comparison. Fails closed.

    Args:
        nonce: As used for the commitment.
        resource: Resource code.
        field: Field code.
        operand: What is claimed to be the operand.
        commitment: From the signed request.

    Raises:
        BadSignature: It is to another operand, or something is malformed.
    """
    if not hmac.compare_digest(operand_commitment(nonce, resource, field, operand), commitment):
        raise BadSignature("the operand is not the one committed to")
