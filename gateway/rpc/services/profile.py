"""ProfileService: a person's own profile."""

from typing import Any

from gateway.exchange.people import OwnProfile
from gateway.rpc.callers import bearer
from gateway.vault.profile import ProfileField
from oncegate.v1 import profile_pb2, profile_pb2_grpc


class ProfileServicer(profile_pb2_grpc.ProfileServiceServicer):
    """Get, set, delete.

    Args:
        own: The use cases; they find the person in the token.
    """

    def __init__(self, own: OwnProfile) -> None:
        self._own = own

    async def GetProfile(self, request: profile_pb2.GetProfileRequest, context: Any) -> profile_pb2.GetProfileResponse:  # noqa: N802
        """See profile.proto."""
        del request
        fields = await self._own.fields(bearer(context))
        return profile_pb2.GetProfileResponse(fields=[_field(field) for field in fields])

    async def SetProfileField(  # noqa: N802
        self, request: profile_pb2.SetProfileFieldRequest, context: Any
    ) -> profile_pb2.SetProfileFieldResponse:
        """See profile.proto."""
        field = await self._own.set_field(bearer(context), request.field, request.value)
        return profile_pb2.SetProfileFieldResponse(field=_field(field))

    async def DeleteProfileField(  # noqa: N802
        self, request: profile_pb2.DeleteProfileFieldRequest, context: Any
    ) -> profile_pb2.DeleteProfileFieldResponse:
        """See profile.proto."""
        await self._own.delete_field(bearer(context), request.field)
        return profile_pb2.DeleteProfileFieldResponse()

    async def EraseProfile(  # noqa: N802
        self, request: profile_pb2.EraseProfileRequest, context: Any
    ) -> profile_pb2.EraseProfileResponse:
        """See profile.proto."""
        del request
        receipt = await self._own.erase(bearer(context))
        response = profile_pb2.EraseProfileResponse(
            receipt=receipt.body, signature=receipt.signature, signing_key=receipt.signing_key
        )
        if receipt.certified is not None:
            keys = receipt.certified
            response.keys.body, response.keys.signature = keys.body, keys.signature
            response.keys.department_key = keys.department_key
        return response


def _field(field: ProfileField) -> profile_pb2.ProfileField:
    return profile_pb2.ProfileField(
        field=field.field,
        value=field.value,
        source=field.source,
        collected_unix_ms=field.collected_ms,
        updated_unix_ms=field.updated_ms,
        version=field.version,
    )
