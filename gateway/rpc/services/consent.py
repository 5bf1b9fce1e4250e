"""ConsentService: a person's own consents. ConsentRequestService: what departments' systems ask for."""

from typing import Any

from gateway.clock import Clock
from gateway.exchange.own_consents import Given, OwnConsents, ShownConsent
from gateway.exchange.request_consent import RequestConsent
from gateway.rpc.callers import bearer, certificate
from gateway.rpc.services.consent_messages import acting, record, wish
from keys.consent_proof import consent_nonce
from oncegate.v1 import consent_pb2, consent_pb2_grpc
from policies.consents import Act


class ConsentServicer(consent_pb2_grpc.ConsentServiceServicer):
    """The person's side.

    Args:
        own: The use cases; they find the person in the token.
        clock: How a consent stands now.
    """

    def __init__(self, own: OwnConsents, clock: Clock) -> None:
        self._own = own
        self._clock = clock

    async def ListConsents(  # noqa: N802
        self, request: consent_pb2.ListConsentsRequest, context: Any
    ) -> consent_pb2.ListConsentsResponse:
        """See consent.proto."""
        found = await self._own.list(bearer(context), acting(request))
        return consent_pb2.ListConsentsResponse(consents=[record(one, self._clock) for one in found])

    async def GetConsent(  # noqa: N802
        self, request: consent_pb2.GetConsentRequest, context: Any
    ) -> consent_pb2.GetConsentResponse:
        """See consent.proto."""
        return self._shown(await self._own.get(bearer(context), acting(request), request.consent_id))

    async def DraftConsent(  # noqa: N802
        self, request: consent_pb2.DraftConsentRequest, context: Any
    ) -> consent_pb2.DraftConsentResponse:
        """See consent.proto."""
        drawn = await self._own.draft(
            bearer(context),
            acting(request),
            request.consumer,
            list(request.systems),
            wish(request.wish),
            request.supersedes,
        )
        return consent_pb2.DraftConsentResponse(draft=self._shown(drawn))

    async def GrantConsent(  # noqa: N802
        self, request: consent_pb2.GrantConsentRequest, context: Any
    ) -> consent_pb2.GrantConsentResponse:
        """See consent.proto."""
        given = Given(request.token, request.key, request.signature)
        granted = await self._own.grant(bearer(context), acting(request), request.consent_id, request.digest, given)
        return consent_pb2.GrantConsentResponse(consent=record(granted, self._clock))

    async def DenyConsent(  # noqa: N802
        self, request: consent_pb2.DenyConsentRequest, context: Any
    ) -> consent_pb2.DenyConsentResponse:
        """See consent.proto."""
        return consent_pb2.DenyConsentResponse(consent=await self._act(request, context, Act.DENY))

    async def PauseConsent(  # noqa: N802
        self, request: consent_pb2.PauseConsentRequest, context: Any
    ) -> consent_pb2.PauseConsentResponse:
        """See consent.proto."""
        return consent_pb2.PauseConsentResponse(consent=await self._act(request, context, Act.PAUSE))

    async def ResumeConsent(  # noqa: N802
        self, request: consent_pb2.ResumeConsentRequest, context: Any
    ) -> consent_pb2.ResumeConsentResponse:
        """See consent.proto."""
        return consent_pb2.ResumeConsentResponse(consent=await self._act(request, context, Act.RESUME))

    async def WithdrawConsent(  # noqa: N802
        self, request: consent_pb2.WithdrawConsentRequest, context: Any
    ) -> consent_pb2.WithdrawConsentResponse:
        """See consent.proto."""
        return consent_pb2.WithdrawConsentResponse(consent=await self._act(request, context, Act.WITHDRAW))

    async def _act(self, request: Any, context: Any, act: Act) -> consent_pb2.ConsentRecord:
        changed = await self._own.act(bearer(context), acting(request), request.consent_id, act)
        return record(changed, self._clock)

    def _shown(self, shown: ShownConsent) -> consent_pb2.GetConsentResponse:
        return consent_pb2.GetConsentResponse(
            consent=record(shown.stored, self._clock),
            notice=shown.notice,
            salt=shown.salt,
            nonce=consent_nonce(shown.stored.consent.digest),
        )


class ConsentRequestServicer(consent_pb2_grpc.ConsentRequestServiceServicer):
    """The department's side.

    Args:
        requests: The use cases; they find the system in the certificate.
        clock: How a consent stands now.
    """

    def __init__(self, requests: RequestConsent, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock

    async def RequestConsent(  # noqa: N802
        self, request: consent_pb2.RequestConsentRequest, context: Any
    ) -> consent_pb2.RequestConsentResponse:
        """See consent.proto."""
        consent_id = await self._requests(
            certificate(context), request.subject_scheme, request.subject_identifier, wish(request.wish)
        )
        return consent_pb2.RequestConsentResponse(consent_id=consent_id)

    async def GetConsentStatus(  # noqa: N802
        self, request: consent_pb2.GetConsentStatusRequest, context: Any
    ) -> consent_pb2.GetConsentStatusResponse:
        """See consent.proto."""
        found = await self._requests.status(certificate(context), request.consent_id)
        return consent_pb2.GetConsentStatusResponse(consent=record(found, self._clock))
