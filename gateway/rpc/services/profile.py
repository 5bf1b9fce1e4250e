"""ProfileService: a person's own profile."""

from collections.abc import AsyncIterator
from typing import Any

from gateway.errors import bad_request
from gateway.exchange.people import OwnProfile
from gateway.exchange.verify_field import VerifyField
from gateway.rpc.callers import bearer
from gateway.vault.corrections import Correction
from gateway.vault.profile import ProfileField
from gateway.vault.provenance import Mark
from oncegate.v1 import profile_pb2, profile_pb2_grpc

MARKS: "dict[profile_pb2.ProfileMark, Mark]" = {
    profile_pb2.PROFILE_MARK_DISPUTE: Mark.DISPUTE,
    profile_pb2.PROFILE_MARK_WITHDRAW_DISPUTE: Mark.WITHDRAW_DISPUTE,
    profile_pb2.PROFILE_MARK_RESTRICT: Mark.RESTRICT,
    profile_pb2.PROFILE_MARK_RELEASE_RESTRICTION: Mark.RELEASE_RESTRICTION,
}


class ProfileServicer(profile_pb2_grpc.ProfileServiceServicer):
    """Shows, changes, marks, exports, and asks for corrections.

    Args:
        own: The use cases; they find the person in the token.
        verify: Compares a field with a register; it finds the person likewise.
    """

    def __init__(self, own: OwnProfile, verify: VerifyField) -> None:
        self._own = own
        self._verify = verify

    async def GetProfile(self, request: profile_pb2.GetProfileRequest, context: Any) -> profile_pb2.GetProfileResponse:  # noqa: N802
        """See profile.proto."""
        everything = request.selection == profile_pb2.FIELD_SELECTION_ALL
        fields = await self._own.fields(bearer(context), unset_too=everything)
        return profile_pb2.GetProfileResponse(fields=[_field(field) for field in fields])

    async def SetProfileField(  # noqa: N802
        self, request: profile_pb2.SetProfileFieldRequest, context: Any
    ) -> profile_pb2.SetProfileFieldResponse:
        """See profile.proto."""
        who = bearer(context)
        if request.unavailable_reason:
            if request.value:
                raise bad_request("value", "须为空，或不填原因 / must be empty together with unavailable_reason")
            field = await self._own.set_unavailable(who, request.field, request.unavailable_reason)
        else:
            field = await self._own.set_field(who, request.field, request.value)
        return profile_pb2.SetProfileFieldResponse(field=_field(field))

    async def DeleteProfileField(  # noqa: N802
        self, request: profile_pb2.DeleteProfileFieldRequest, context: Any
    ) -> profile_pb2.DeleteProfileFieldResponse:
        """See profile.proto."""
        await self._own.delete_field(bearer(context), request.field)
        return profile_pb2.DeleteProfileFieldResponse()

    async def VerifyProfileField(  # noqa: N802
        self, request: profile_pb2.VerifyProfileFieldRequest, context: Any
    ) -> profile_pb2.VerifyProfileFieldResponse:
        """See profile.proto."""
        equal, field = await self._verify(bearer(context), request.field, request.resource)
        return profile_pb2.VerifyProfileFieldResponse(equal=equal, field=_field(field))

    async def MarkProfileField(  # noqa: N802
        self, request: profile_pb2.MarkProfileFieldRequest, context: Any
    ) -> profile_pb2.MarkProfileFieldResponse:
        """See profile.proto."""
        who, mark = bearer(context), MARKS.get(request.mark)
        if mark is None:
            raise bad_request("mark", "须为已定义的标记 / must be one of the marks")
        field = await self._own.mark_field(who, request.field, mark, request.reason)
        return profile_pb2.MarkProfileFieldResponse(field=_field(field))

    async def GetFieldHistory(  # noqa: N802
        self, request: profile_pb2.GetFieldHistoryRequest, context: Any
    ) -> profile_pb2.GetFieldHistoryResponse:
        """See profile.proto."""
        versions = await self._own.history(bearer(context), request.field)
        return profile_pb2.GetFieldHistoryResponse(versions=[_field(version) for version in versions])

    async def ExportProfile(  # noqa: N802
        self, request: profile_pb2.ExportProfileRequest, context: Any
    ) -> AsyncIterator[profile_pb2.ExportProfileResponse]:
        """See profile.proto."""
        del request
        for piece in await self._own.export(bearer(context)):
            yield profile_pb2.ExportProfileResponse(piece=piece)

    async def SubmitCorrection(  # noqa: N802
        self, request: profile_pb2.SubmitCorrectionRequest, context: Any
    ) -> profile_pb2.SubmitCorrectionResponse:
        """See profile.proto."""
        made = await self._own.submit_correction(bearer(context), request.field, request.proposal, request.reason)
        return profile_pb2.SubmitCorrectionResponse(correction=correction_message(made))

    async def ListMyCorrections(  # noqa: N802
        self, request: profile_pb2.ListMyCorrectionsRequest, context: Any
    ) -> profile_pb2.ListMyCorrectionsResponse:
        """See profile.proto."""
        del request
        mine = await self._own.corrections(bearer(context))
        return profile_pb2.ListMyCorrectionsResponse(corrections=[correction_message(one) for one in mine])

    async def WithdrawCorrection(  # noqa: N802
        self, request: profile_pb2.WithdrawCorrectionRequest, context: Any
    ) -> profile_pb2.WithdrawCorrectionResponse:
        """See profile.proto."""
        withdrawn = await self._own.withdraw_correction(bearer(context), request.correction_id)
        return profile_pb2.WithdrawCorrectionResponse(correction=correction_message(withdrawn))

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


def correction_message(correction: Correction) -> profile_pb2.Correction:
    """A request for correction as it travels."""
    return profile_pb2.Correction(
        correction_id=correction.id,
        field=correction.field,
        department=correction.department,
        record=correction.record,
        proposal=correction.proposal,
        reason=correction.reason,
        status=correction.status,
        created_unix_ms=correction.created_ms,
        changed_unix_ms=correction.changed_ms,
        note=correction.note,
    )


def _field(field: ProfileField) -> profile_pb2.ProfileField:
    message = profile_pb2.ProfileField(
        field=field.field,
        value=field.value or "",
        source=field.source,
        collected_unix_ms=field.collected_ms,
        updated_unix_ms=field.updated_ms,
        version=field.version,
        source_department=field.source_department,
        source_record=field.source_record,
        classification=field.classification,
        last_updated_unix_ms=field.last_updated_ms or 0,
        verified_unix_ms=field.verified_ms or 0,
        valid_until_unix_ms=field.valid_until_ms or 0,
        status=field.status,
        unavailable_reason=field.unavailable or "",
        editable=field.editable,
        restricted_unix_ms=field.restricted_ms or 0,
        superseded_unix_ms=field.superseded_ms or 0,
        superseded_reason=field.superseded or "",
    )
    if field.dispute is not None:
        message.dispute_reason = field.dispute.reason
        message.disputed_unix_ms = field.dispute.since_ms
    return message
