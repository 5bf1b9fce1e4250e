"""A city with agreements for emergencies, and what officials, stewards and auditors do there."""

import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from joserfc import jwt
from sqlalchemy import delete, select, update
from sqlmodel import SQLModel

from gateway.emergencies.tables import USES
from gateway.storage.database import write_transaction
from oncegate.v1 import emergency_pb2, signed_pb2
from tests.support.city import ALICE, City, running_city
from tests.support.doors import Door, RawSystem, bearer, refused
from tests.support.log_book import logged
from tests.support.tampering import answered

OFFICE, CIVIL_ISSUER, HOUSING_ISSUER = "https://office.test", "https://civil.test", "https://housing.test"
EDUCATION_ISSUER = "https://education.test"
ADDRESS = ("civil.resident", "address", signed_pb2.FORM_VALUE)
LOCATION = ("housing.property", "location", signed_pb2.FORM_VALUE)
STATEMENT = "昏迷患者送医，需联系亲属"
HOUR_MS = 3_600_000
PURPOSE, PURPOSES = "emergency_response", '["emergency_response", "school_enrolment"]'
NOTICES = SQLModel.metadata.tables["vault_notices"]
TERMS = '{ reasons = ["life_saving_care"], uses_per_day = 100, review_hours = 24, notify_person = true }'
DELAYED = (
    '{ reasons = ["child_at_risk", "life_saving_care"], uses_per_day = 100, review_working_days = 3, '
    'notify_person = "《未成年人保护法》第一百零六条", notify_after_days = 30 }'
)


@asynccontextmanager
async def city_with_emergencies(folder: Path) -> AsyncIterator[City]:
    """The school may break the glass of civil, and of housing, whose law delays the notice."""
    issuers = "".join(
        f'[[issuers]]\nissuer = "{issuer}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
        f'roles = {{ clerk = "officer", steward = "steward" }}\ndepartment = "{department}"\n'
        for issuer, department in (
            (OFFICE, "education"),
            (EDUCATION_ISSUER, "education"),
            (CIVIL_ISSUER, "civil"),
            (HOUSING_ISSUER, "housing"),
        )
    )
    async with running_city(folder, settings=issuers) as running:
        running.agree(
            "civil",
            "civil.resident",
            {"address": ["value"]},
            id='"civil-emergency"',
            purposes=PURPOSES,
            emergency=TERMS,
        )
        running.agree(
            "housing",
            "housing.property",
            {"location": ["value"]},
            id='"housing-emergency"',
            purposes=PURPOSES,
            emergency=DELAYED,
        )
        for department in ("civil", "housing"):
            running.node(department).provider.agreements._looked_s = float("-inf")
        yield running


def review_everything(city: City) -> None:
    """Leave no review behind, and no notice of one."""
    with write_transaction(city.parts.engine) as connection:
        unreviewed = USES.c.outcome.in_(("", "follow_up"))
        connection.execute(update(USES).where(unreviewed).values(reviewed_ms=1, outcome="justified"))
        connection.execute(delete(NOTICES))


def official(city: City) -> str:
    now = int(time.time())
    claims = {
        "iss": OFFICE,
        "aud": "oncegate",
        "sub": "clerk-7",
        "iat": now,
        "exp": now + 300,
        "roles": ["clerk"],
        "oncegate_system": "spiffe://oncegate.test/department/education/system/school",
    }
    return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims, city._issuer, algorithms=["ES256"])


def declared(reason: str = "life_saving_care", statement: str = STATEMENT) -> signed_pb2.EmergencyDeclaration:
    return signed_pb2.EmergencyDeclaration(reason=reason, statement=statement)


def urgent(
    city: City,
    raw: RawSystem,
    whom: str = ALICE,
    items: Sequence[Any] = (ADDRESS,),
    emergency: signed_pb2.EmergencyDeclaration | None = None,
    purpose: str = PURPOSE,
) -> Any:
    body = raw.body(whom, items=items, purpose=purpose, emergency=emergency or declared())
    return raw.request(body, typed=whom, official_token=official(city))


def steward(city: City, issuer: str = CIVIL_ISSUER) -> Any:
    return bearer(city.token("steward", roles=["steward"], issuer=issuer))


def auditor(city: City) -> Any:
    return bearer(city.token("auditor", roles=["auditor"]))


async def listed(people: Door, who: Any, state: Any = emergency_pb2.EMERGENCY_STATE_OPEN) -> list[Any]:
    request = emergency_pb2.ListEmergenciesRequest(state=state, page_size=100)
    return list((await people.emergency.ListEmergencies(request, metadata=who)).uses)


def uses(city: City) -> list[Any]:
    with city.parts.engine.connect() as connection:
        return list(connection.execute(select(USES).order_by(USES.c.entry)))


async def reason(city: City, raw: RawSystem, call: Awaitable[Any]) -> str:
    """Why a request is refused: on the record as an emergency, before anyone was asked and with no notice of a use."""
    before, noted = answered(city), len(uses(city))
    with logged(city) as book:
        refusal = await refused(call)
    assert book.only("refused").account["reason"] == refusal.reason
    assert answered(city) == before
    assert len(uses(city)) == noted
    return refusal.reason


def age(city: City, hours: float) -> None:
    """Let every use without a finding have been due so long ago."""
    due_ms = city.parts.clock.now_ms() - round(hours * HOUR_MS)
    with write_transaction(city.parts.engine) as connection:
        connection.execute(update(USES).where(USES.c.outcome.in_(("", "follow_up"))).values(due_ms=due_ms))
