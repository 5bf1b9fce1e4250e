"""Asks people for consents, and tells how they stand.

Rules kept here: what is asked for is checked before it is sent; the text of a consent is read strictly and its digest
is computed here, so that what a request names is the text that this department holds. Whether there is such a person
is not told by the gateway and cannot be found out here.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from nodes.consumer.items import Item, read_items
from nodes.consumer.session import Session
from nodes.consumer.words import FORM_NUMBERS
from nodes.enrolment.errors import BadInput
from oncegate.v1 import consent_pb2
from policies.consent_words import MAX_DATA_LIFE_DAYS, Fetch, Frequency, Locale
from policies.consents import BadConsent, Consent, Status, parse_consent
from policies.identifiers import BadIdentifier, normalise

TIMEOUT_S = 30.0
ID_DIGITS = 32
_FETCHES = {Fetch.ONCE: consent_pb2.CONSENT_FETCH_ONCE, Fetch.PERIODIC: consent_pb2.CONSENT_FETCH_PERIODIC}
_STATUSES: "dict[consent_pb2.ConsentStatus, Status]" = {
    consent_pb2.CONSENT_STATUS_REQUESTED: Status.REQUESTED,
    consent_pb2.CONSENT_STATUS_GRANTED: Status.GRANTED,
    consent_pb2.CONSENT_STATUS_DENIED: Status.DENIED,
    consent_pb2.CONSENT_STATUS_PAUSED: Status.PAUSED,
    consent_pb2.CONSENT_STATUS_REVOKED: Status.REVOKED,
    consent_pb2.CONSENT_STATUS_EXPIRED: Status.EXPIRED,
    consent_pb2.CONSENT_STATUS_SUPERSEDED: Status.SUPERSEDED,
}


@dataclass(frozen=True, slots=True)
class ConsentState:
    """A consent for this department and how it stands.

    Args:
        consent_id: Hexadecimal.
        digest: SHA-256 of its text, hexadecimal: what a request names.
        status: How it stands.
        consent: What the text says.
        uses: How often it was used.
        last_used_ms: When last, Unix ms; 0 when never.
        superseded_by: Id of the consent that took its place, hexadecimal; empty when none did.
    """

    consent_id: str
    digest: str
    status: Status
    consent: Consent
    uses: int
    last_used_ms: int
    superseded_by: str


class ConsentDesk:
    """Consents of one client.

    Args:
        session: Gives the client's session.
    """

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    async def request(
        self,
        *,
        subject: tuple[str, str],
        purpose: str,
        items: Iterable[Item | str],
        fetch: Fetch = Fetch.ONCE,
        frequency: Frequency | None = None,
        valid_until_ms: int = 0,
        data_life_days: int = 0,
        locale: Locale = Locale.ZH,
    ) -> str:
        """Asks a person for a consent.

        Args:
            subject: Scheme and identifier as typed.
            purpose: Registered purpose code.
            items: 1 to 64; each with its one form.
            fetch: How often.
            frequency: For periodic fetches; None takes what the agreements allow.
            valid_until_ms: End of its validity, Unix ms; 0 takes the longest that the agreements allow.
            data_life_days: How long the data is to be kept; 0 takes the longest that the agreements allow.
            locale: Language of the notice.

        Returns:
            Its id, hexadecimal, for `status`. It says nothing about whether there is such a person.

        Raises:
            BadInput: Something breaks a rule; nothing was sent, and the text never holds the identifier.
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time.
        """
        scheme, typed = subject
        try:
            identifier = normalise(scheme, typed)
        except BadIdentifier as error:
            raise BadInput("subject", error.rule) from None
        if not 0 <= data_life_days <= MAX_DATA_LIFE_DAYS:
            raise BadInput("data_life_days", f"at most {MAX_DATA_LIFE_DAYS}")
        wish = consent_pb2.ConsentWish(
            purpose=purpose,
            items=[
                consent_pb2.ConsentItem(resource=item.resource, field=item.field, form=FORM_NUMBERS[item.form])
                for item in read_items(items)
            ],
            fetch=_FETCHES[fetch],
            valid_until_unix_ms=valid_until_ms,
            data_life_days=data_life_days,
            locale=str(locale),
        )
        if frequency is not None:
            wish.frequency.unit, wish.frequency.value = str(frequency.unit), frequency.value
            wish.frequency.repeats = frequency.repeats
        message = consent_pb2.RequestConsentRequest(subject_scheme=scheme, subject_identifier=identifier, wish=wish)
        session = self._session()
        response: consent_pb2.RequestConsentResponse = await session.call(
            session.consents.RequestConsent, message, TIMEOUT_S
        )
        return response.consent_id.hex()

    async def status(self, consent_id: str) -> ConsentState:
        """How a consent for this department stands.

        Args:
            consent_id: Hexadecimal: from `request`, or as the person told it.

        Raises:
            BadInput: The id is malformed; nothing was sent.
            RequestRefused: NOT_FOUND when there is none for this department.
            GatewayUnreachable: It was not reached in time.
        """
        session = self._session()
        message = consent_pb2.GetConsentStatusRequest(consent_id=_id(consent_id))
        call: Callable[..., Awaitable[consent_pb2.GetConsentStatusResponse]] = session.consents.GetConsentStatus
        return _state((await session.call(call, message, TIMEOUT_S)).consent)


def _id(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(text) != ID_DIGITS or len(raw) != ID_DIGITS // 2:
        raise BadInput("consent", f"{ID_DIGITS} hexadecimal digits")
    return raw


def _state(record: consent_pb2.ConsentRecord) -> ConsentState:
    try:
        consent = parse_consent(record.artefact)
    except BadConsent as error:
        raise BadInput("consent", f"the gateway's text is no consent: {error.rule}") from None
    return ConsentState(
        consent_id=consent.id.hex(),
        digest=consent.digest.hex(),
        # What is not known here permits nothing.
        status=_STATUSES.get(record.status, Status.REVOKED),
        consent=consent,
        uses=record.uses,
        last_used_ms=record.last_used_unix_ms,
        superseded_by=record.superseded_by.hex(),
    )
