"""A deployment that changes how profile fields are encrypted: it serves at once, and the fields move by themselves."""

import asyncio
import sqlite3
from pathlib import Path

from gateway.settings import FILE_NAME
from keys.envelope import Suite, suite_of
from oncegate.v1 import profile_pb2
from tests.support.city import ALICE, BO, City
from tests.support.doors import Door, bearer, people_door

VALUES = {"phone": "13800138000", "email": "wang@example.com"}


def suites(city: City) -> set[Suite]:
    base = sqlite3.connect(city.home / "gateway.db")
    try:
        return {suite_of(envelope) for (envelope,) in base.execute("select envelope from vault_fields")}
    finally:
        base.close()


async def profile(city: City, people: Door, who: str) -> dict[str, str]:
    metadata = bearer(city.token("person", resident=who))
    answer = await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata)
    return {field.field: field.value for field in answer.fields}


async def test_fields_move_to_the_suite_that_is_set_while_people_read_and_write(tmp_path: Path) -> None:
    city = City(tmp_path, settings='[vault]\nsuite = "aes"\n')
    await city.start_gateway()
    try:
        async with people_door(city) as people:
            for who in (ALICE, BO):
                for field, value in VALUES.items():
                    await people.profile.SetProfileField(
                        profile_pb2.SetProfileFieldRequest(field=field, value=value),
                        metadata=bearer(city.token("person", resident=who)),
                    )
        assert suites(city) == {Suite.AES}
        await city.stop_gateway()
        file = city.home / FILE_NAME
        file.write_text(file.read_text(encoding="utf-8").replace('suite = "aes"', 'suite = "sm4"'), encoding="utf-8")
        await city.start_gateway()
        async with people_door(city) as people:
            await people.profile.SetProfileField(
                profile_pb2.SetProfileFieldRequest(field="phone", value="13900139000"),
                metadata=bearer(city.token("person", resident=BO)),
            )
            assert await profile(city, people, ALICE) == VALUES
            async with asyncio.timeout(20):
                while suites(city) != {Suite.SM4}:  # noqa: ASYNC110 - another thread's work in a file
                    await asyncio.sleep(0.05)
            assert await profile(city, people, ALICE) == VALUES
            assert await profile(city, people, BO) == VALUES | {"phone": "13900139000"}
    finally:
        await city.close()
