"""IdentityService: sealed identities for auditors. What leaves here opens only with the auditors' private key."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import bad_request
from gateway.exchange.open_identity import OpenIdentity, SealedIdentity, Wanted
from gateway.rpc.callers import bearer
from keys.identities import Whose
from oncegate.v1 import identity_pb2, identity_pb2_grpc

_WHOSE: Final[Mapping[int, Whose]] = {
    identity_pb2.WHOSE_PERSON: Whose.PERSON,
    identity_pb2.WHOSE_OFFICIAL: Whose.OFFICIAL,
}
_ON_THE_WIRE: Final = {Whose.PERSON: identity_pb2.WHOSE_PERSON, Whose.OFFICIAL: identity_pb2.WHOSE_OFFICIAL}
_LONGEST: Final = 64


def whose_of(number: int) -> Whose:
    """Whose identity is meant.

    Raises:
        Refused: BAD_REQUEST.
    """
    whose = _WHOSE.get(number)
    if whose is None:
        raise bad_request("whose", "must be that of a person or of an official")
    return whose


def sealed_message(found: SealedIdentity) -> identity_pb2.OpenIdentityResponse:
    """A sealed identity as it leaves."""
    return identity_pb2.OpenIdentityResponse(
        whose=_ON_THE_WIRE[found.place.whose],
        pseudonym=found.place.pseudonym,
        scheme=found.place.scheme,
        origin=found.place.origin,
        key_id=found.key_id,
        sealed=found.sealed,
        sealed_entry=found.sealed_entry,
        opened_entry=found.opened_entry,
    )


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    """Gives sealed identities to auditors.

    Args:
        opening: What an auditor does with them.
    """

    def __init__(self, opening: OpenIdentity) -> None:
        self._opening = opening

    async def OpenIdentity(  # noqa: N802
        self, request: identity_pb2.OpenIdentityRequest, context: Any
    ) -> identity_pb2.OpenIdentityResponse:
        """See identity.proto."""
        token = bearer(context)
        # Whoever is nobody is told that, and nothing about the message.
        self._opening.auditor(token)
        whose = whose_of(request.whose)
        if len(request.pseudonym) > _LONGEST:
            raise bad_request("pseudonym", f"must be at most {_LONGEST} characters")
        entry = request.entry if request.WhichOneof("named") == "entry" else None
        wanted = Wanted(whose, request.pseudonym, entry)
        found = await self._opening(token, wanted, request.why, tuple(request.key_ids))
        return sealed_message(found)

    async def GetIdentityKey(  # noqa: N802
        self, request: identity_pb2.GetIdentityKeyRequest, context: Any
    ) -> identity_pb2.GetIdentityKeyResponse:
        """See identity.proto."""
        del request
        key = await self._opening.key(bearer(context))
        if key is None:
            return identity_pb2.GetIdentityKeyResponse()
        return identity_pb2.GetIdentityKeyResponse(key_id=key.key.key_id, since_unix_ms=key.since_ms, entry=key.entry)
