"""People who consent in a test city: what they are asked for, and how they answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from keys.consent_proof import consent_nonce
from oncegate.v1 import consent_pb2, exchange_pb2, signed_pb2
from tests.support.city import ALICE, City
from tests.support.doors import Door, RawSystem, bearer, refused

PURPOSE = "housing_fund_withdrawal"
TERMS = (
    '{ notice_zh = "同意提供姓名", notice_en = "Your name is shared", mode = "store", fetch = "periodic", '
    'frequency = { unit = "day", value = 1, repeats = 1000 }, max_days = 30, data_life_days = 10, '
    'relations = ["guardian"] }'
)
FORM = signed_pb2.FORM_VALUE
ITEMS = (("civil.resident", "name", FORM),)


def agree_on_consent(city: City, *, terms: str = TERMS, **changes: Any) -> None:
    """Civil lets education have names on the basis of consent, for a purpose of its own."""
    city.agree(
        "civil",
        "civil.resident",
        {"name": ["value"], "birth_date": ["year"]},
        **{
            "id": '"consent-civil"',
            "legal_basis": '"consent"',
            "purposes": f'["{PURPOSE}"]',
            "consent": terms,
            **changes,
        },
    )


def wish(items: Sequence[tuple[str, str, Any]] = ITEMS, **changes: Any) -> consent_pb2.ConsentWish:
    """What a consent is to say."""
    members: dict[str, Any] = {
        "purpose": PURPOSE,
        "items": [consent_pb2.ConsentItem(resource=r, field=f, form=form) for r, f, form in items],
        "fetch": consent_pb2.CONSENT_FETCH_PERIODIC,
        **changes,
    }
    return consent_pb2.ConsentWish(**members)


@dataclass
class Citizen:
    """A person at the people's door.

    Args:
        city: The exchange.
        people: The door.
        resident: Who.
        claims: Further claims of every token.
    """

    city: City
    people: Door
    resident: str = ALICE
    claims: dict[str, Any] | None = None

    def token(self, **more: Any) -> str:
        """A token of this person."""
        return self.city.token("person", resident=self.resident, **(self.claims or {}), **more)

    @property
    def metadata(self) -> Any:
        """Metadata with a token."""
        return bearer(self.token())

    def proof(self, artefact: bytes, **more: Any) -> str:
        """A token over a consent."""
        return self.token(**{"nonce": consent_nonce(sha256(artefact).digest()), **more})

    async def draft(self, asked: consent_pb2.ConsentWish | None = None, **more: Any) -> consent_pb2.GetConsentResponse:
        """Draw a consent up unasked."""
        message = consent_pb2.DraftConsentRequest(
            **{"consumer": "education", "systems": ["school"], "wish": asked or wish(), **more}
        )
        drawn = await self.people.consent.DraftConsent(message, metadata=self.metadata)
        found: consent_pb2.GetConsentResponse = drawn.draft
        return found

    async def show(self, consent_id: bytes, **more: Any) -> consent_pb2.GetConsentResponse:
        """One consent in full."""
        message = consent_pb2.GetConsentRequest(consent_id=consent_id, **more)
        found: consent_pb2.GetConsentResponse = await self.people.consent.GetConsent(message, metadata=self.metadata)
        return found

    async def grant(self, record: consent_pb2.ConsentRecord, **more: Any) -> consent_pb2.ConsentRecord:
        """Grant a consent with a token over it."""
        members = {
            "consent_id": record.consent_id,
            "digest": record.digest,
            "token": self.proof(record.artefact),
            **more,
        }
        message = consent_pb2.GrantConsentRequest(**members)
        granted: consent_pb2.ConsentRecord = (
            await self.people.consent.GrantConsent(message, metadata=self.metadata)
        ).consent
        return granted

    async def granted(self, asked: consent_pb2.ConsentWish | None = None, **more: Any) -> consent_pb2.ConsentRecord:
        """A consent that stands."""
        return await self.grant((await self.draft(asked, **more)).consent)

    async def act(self, what: str, consent_id: bytes, **more: Any) -> consent_pb2.ConsentRecord:
        """Deny, Pause, Resume or Withdraw."""
        message = getattr(consent_pb2, f"{what}ConsentRequest")(consent_id=consent_id, **more)
        response = await getattr(self.people.consent, f"{what}Consent")(message, metadata=self.metadata)
        found: consent_pb2.ConsentRecord = response.consent
        return found

    async def mine(self) -> list[consent_pb2.ConsentRecord]:
        """Every consent."""
        listed = await self.people.consent.ListConsents(consent_pb2.ListConsentsRequest(), metadata=self.metadata)
        return list(listed.consents)


def asking(
    raw: RawSystem, consent: bytes, identifier: str = ALICE, *, items: Sequence[Any] = ITEMS, **changes: Any
) -> exchange_pb2.FetchRequest:
    """A request under a consent."""
    members = {"purpose": PURPOSE, "legal_basis": signed_pb2.LEGAL_BASIS_CONSENT, "consent": consent, **changes}
    return raw.asking(identifier, items=items, **members)


def said(record: consent_pb2.ConsentRecord) -> dict[str, Any]:
    """What the text of a consent says."""
    document: dict[str, Any] = json.loads(record.artefact)
    return document


async def name(raw: RawSystem, consent: bytes, who: str = ALICE) -> str:
    """The name that is released under a consent; empty when none is."""
    request = asking(raw, consent, who)
    response = await raw.fetch(request)
    answer = response.answers[0]
    assert not answer.silence_reason, answer.silence_reason
    return str(raw.opened(request, answer).fields[0].text)


async def status_of(raw: RawSystem, consent_id: bytes) -> consent_pb2.ConsentRecord:
    """How a consent stands, as its department is told."""
    message = consent_pb2.GetConsentStatusRequest(consent_id=consent_id)
    found: consent_pb2.ConsentRecord = (await raw.door.consent_requests.GetConsentStatus(message)).consent
    return found


async def reason(raw: RawSystem, consent: bytes, who: str = ALICE, **changes: Any) -> str:
    """Why nothing is released."""
    return (await refused(raw.fetch(asking(raw, consent, who, **changes)))).reason
