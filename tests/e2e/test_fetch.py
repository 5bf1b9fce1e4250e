"""A system's question from its SDK through gateway and nodes and back, with everything real."""

from pathlib import Path

from tests.support.city import ALICE, PURPOSE, running_city


async def test_a_fetch_gathers_fields_from_two_departments(tmp_path: Path) -> None:
    async with running_city(tmp_path) as city, city.client() as client:
        answer = await client.fetch(
            subject=("cn.resident-id", ALICE),
            purpose=PURPOSE,
            basis="mandate",
            items=["civil.resident:name=value", "civil.resident:birth_date=year", "housing.property:location=value"],
        )
        assert answer.complete
        assert [(row.field, row.text) for row in answer.rows] == [
            ("name", "欧阳静好"),
            ("birth_date", "1949"),
            ("location", "幸福路1号"),
        ]
