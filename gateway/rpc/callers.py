"""Reads who is at the other end out of a gRPC context."""

from typing import Any

from gateway.errors import Code, Refused

_BEARER = "bearer "
_MAX_BEARER = 8192


def certificate(context: Any) -> bytes | None:
    """The peer's TLS certificate, PEM, or None when it showed none."""
    found = context.auth_context().get("x509_pem_cert")
    return found[0] if found else None


def bearer(context: Any) -> str:
    """The OIDC token in the metadata key `authorization`.

    Raises:
        Refused: UNAUTHENTICATED when there is none, more than one, or one too long.
    """
    values = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
    if len(values) != 1:
        raise Refused(Code.UNAUTHENTICATED, "exactly one authorization header is required")
    value = values[0] if isinstance(values[0], str) else ""
    if len(value) > _MAX_BEARER or not value.lower().startswith(_BEARER):
        raise Refused(Code.UNAUTHENTICATED, "the authorization header holds no bearer token")
    return value[len(_BEARER) :].strip()
