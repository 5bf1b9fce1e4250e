"""A city in which departments have stewards, and what people and stewards do there about a profile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nodes.consumer import AsyncClient
from nodes.consumer.answer import Row
from oncegate.v1 import profile_pb2, source_pb2
from tests.support.city import PURPOSE, City, running_city
from tests.support.doors import Door, bearer

STEWARDS = {
    "civil": "https://civil.test",
    "housing": "https://housing.test",
    "education": "https://education.test",
    "tourism": "https://nowhere.test",
}
OFFICIAL, RIGHT = "13900139000", "13700137000"


def steward_settings(folder: Path) -> str:
    """Further text for gateway.toml: civil is a source of telephone and address, housing of the address.

    Nobody vouches for tourism's issuer.
    """
    settings = '\n[vault.sources]\nphone = ["civil"]\nmailing_address = ["civil", "housing"]\n'
    for department, issuer in STEWARDS.items():
        vouched = f'department = "{department}"\n' if department != "tourism" else ""
        settings += (
            f'\n[[issuers]]\nissuer = "{issuer}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
            f'roles = {{ steward = "steward" }}\n{vouched}'
        )
    return settings


@asynccontextmanager
async def city_with_stewards(folder: Path) -> AsyncIterator[City]:
    """The standard city with `steward_settings`."""
    async with running_city(folder, settings=steward_settings(folder)) as running:
        yield running


def person(city: City, who: str) -> Any:
    """Metadata of a citizen."""
    return bearer(city.token("person", resident=who))


def steward(city: City, department: str = "civil") -> Any:
    """Metadata of a department's steward."""
    return bearer(city.token("steward", roles=["steward"], issuer=STEWARDS[department]))


async def record(city: City, people: Door, who: str, value: str = OFFICIAL, field: str = "phone", **more: Any) -> int:
    """State a field of someone as civil has it."""
    request = source_pb2.RecordVerifiedFieldRequest(
        subject_scheme="cn.resident-id", subject_identifier=who, field=field, value=value, **more
    )
    response = await people.source.RecordVerifiedField(request, metadata=steward(city))
    return int(response.arrival)


async def mark(city: City, people: Door, who: str, number: Any, reason: str = "") -> profile_pb2.ProfileField:
    """Say something about someone's telephone."""
    request = profile_pb2.MarkProfileFieldRequest(field="phone", mark=number, reason=reason)
    response = await people.profile.MarkProfileField(request, metadata=person(city, who))
    found: profile_pb2.ProfileField = response.field
    return found


async def submit(city: City, people: Door, who: str) -> profile_pb2.Correction:
    """Ask for a correction of someone's telephone."""
    request = profile_pb2.SubmitCorrectionRequest(field="phone", proposal=RIGHT, reason="my new number")
    response = await people.profile.SubmitCorrection(request, metadata=person(city, who))
    found: profile_pb2.Correction = response.correction
    return found


async def phone(school: AsyncClient, who: str) -> Row:
    """What the school gets as someone's telephone."""
    answer = await school.fetch(
        subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", items=["oncegate.profile:phone=value"]
    )
    return answer.rows[0]


async def profile(city: City, people: Door, who: str) -> dict[str, profile_pb2.ProfileField]:
    """Someone's whole profile."""
    request = profile_pb2.GetProfileRequest(selection=profile_pb2.FIELD_SELECTION_ALL)
    response = await people.profile.GetProfile(request, metadata=person(city, who))
    return {field.field: field for field in response.fields}
