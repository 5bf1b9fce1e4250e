"""The history on every database: every version as it was published, by whom, and never another."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, delete, select, update

from gateway.catalog.catalog import Catalog
from gateway.catalog.publication import Step, What
from gateway.catalog.tables import RESOURCES, TERMS, VERSIONS
from gateway.catalog.versions import Versions
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from tests.support.index_node import FixedClock
from tests.support.parties import DOMAIN, description

NODE = f"spiffe://{DOMAIN}/department/civil/node/n1"
OTHER = f"spiffe://{DOMAIN}/department/civil/node/n2"
FIRST = description("civil.resident", "civil")
SECOND = replace(FIRST, name_en="Registered residents")
THIRD = replace(SECOND, fields=(replace(SECOND.fields[0], code="full_name"),))


def publish(catalog: Catalog, clock: FixedClock) -> None:
    for number, one in enumerate((FIRST, SECOND, THIRD)):
        clock.at_ms = 1000 * (number + 1)
        catalog.publish(NODE, "civil", [one])


def refusal(call, *arguments) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value


def test_every_version_is_kept_with_who_and_when(catalog: Catalog, versions: Versions, clock: FixedClock) -> None:
    publish(catalog, clock)
    assert [(v.version, v.published_ms, v.node, v.fingerprint) for v in versions.list("civil.resident")] == [
        (3, 3000, NODE, THIRD.fingerprint),
        (2, 2000, NODE, SECOND.fingerprint),
        (1, 1000, NODE, FIRST.fingerprint),
    ]
    assert versions.get("civil.resident", 1).resource == FIRST
    assert versions.get("civil.resident").resource == THIRD
    assert [v.version for v in versions.list("civil.resident", before=3, limit=1)] == [2]


def test_going_back_to_an_earlier_description_is_a_version_of_its_own(catalog: Catalog, versions: Versions) -> None:
    for one in (FIRST, SECOND, FIRST):
        catalog.publish(NODE, "civil", [one])
    assert [v.fingerprint for v in versions.list("civil.resident")] == [
        FIRST.fingerprint,
        SECOND.fingerprint,
        FIRST.fingerprint,
    ]


def test_what_is_withdrawn_keeps_its_history(catalog: Catalog, versions: Versions, clock: FixedClock) -> None:
    publish(catalog, clock)
    clock.at_ms = 9000
    catalog.publish(NODE, "civil", [])
    assert versions.withdrawn_ms("civil.resident") == 9000
    assert len(versions.list("civil.resident")) == 3
    catalog.publish(OTHER, "civil", [THIRD])
    assert versions.withdrawn_ms("civil.resident") == 0
    assert len(versions.list("civil.resident")) == 3


@pytest.mark.parametrize("version", [4, 2**31, 2**32 - 1])
def test_a_version_that_there_is_not_is_not_found(
    catalog: Catalog, versions: Versions, clock: FixedClock, version: int
) -> None:
    publish(catalog, clock)
    assert refusal(versions.get, "civil.resident", version).code is Code.NOT_FOUND
    assert refusal(versions.get, "civil.other").code is Code.NOT_FOUND
    assert refusal(versions.withdrawn_ms, "civil.other").code is Code.NOT_FOUND
    assert len(versions.list("civil.resident", before=version)) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.replace("Registered", "Renamed"),
        lambda body: body.replace('"conditional"', '"unconditional"'),
        lambda body: body.replace('"sharing_terms":"For the tasks that an agreement names"', '"sharing_terms":""'),
        lambda _: "{",
    ],
)
def test_a_version_changed_by_hand_is_not_shown_and_the_others_are(
    catalogue_engine: Engine, catalog: Catalog, versions: Versions, clock: FixedClock, damage
) -> None:
    publish(catalog, clock)
    second = (VERSIONS.c.code == "civil.resident") & (VERSIONS.c.version == 2)
    with write_transaction(catalogue_engine) as connection:
        body = connection.execute(select(VERSIONS.c.body).where(second)).scalar_one()
        assert damage(body) != body
        connection.execute(update(VERSIONS).where(second).values(body=damage(body)))
    assert refusal(versions.get, "civil.resident", 2).code is Code.INTERNAL
    assert versions.get("civil.resident", 1).resource == FIRST
    assert versions.get("civil.resident", 3).resource == THIRD


def test_a_resource_changed_by_hand_is_not_offered_is_named_and_mended_by_its_node(
    catalogue_engine: Engine, catalog: Catalog, clock: FixedClock
) -> None:
    catalog.publish(NODE, "civil", [FIRST])
    with write_transaction(catalogue_engine) as connection:
        body = connection.execute(select(RESOURCES.c.body)).scalar_one()
        connection.execute(update(RESOURCES).values(body=body.replace("Residents", "Anybody")))
    fresh = Catalog(catalogue_engine, clock)
    assert fresh.get("civil.resident") is None
    assert [problem.code for problem in fresh.problems()] == ["civil.resident"]
    assert fresh.publish(NODE, "civil", [FIRST]) == {"civil.resident": 2}
    assert fresh.problems() == ()
    entry = fresh.get("civil.resident")
    assert entry is not None
    assert entry.resource == FIRST


@pytest.mark.parametrize("terms", ["sharing_terms", "duty"])
def test_terms_taken_out_by_hand_with_a_fitting_fingerprint_are_refused_all_the_same(
    catalogue_engine: Engine, catalog: Catalog, clock: FixedClock, terms: str
) -> None:
    from gateway.catalog.description import to_text
    from policies.vocabulary import SharingType

    catalog.publish(NODE, "civil", [FIRST])
    kind = SharingType.NOT_SHARED if terms == "sharing_terms" else SharingType.UNCONDITIONAL
    forged = replace(FIRST, sharing_type=kind, sharing_terms="", duty="", purpose="")
    with write_transaction(catalogue_engine) as connection:
        connection.execute(update(RESOURCES).values(body=to_text(forged), fingerprint=forged.fingerprint))
    assert Catalog(catalogue_engine, clock).get("civil.resident") is None


def test_a_publication_announces_its_steps_before_it_takes_them(catalog: Catalog, versions: Versions) -> None:
    catalog.publish(NODE, "civil", [FIRST, description("civil.marriage", "civil")])
    told: list[Step] = []

    def announce(steps) -> None:
        told.extend(steps)
        assert versions.get("civil.resident").resource == FIRST

    catalog.publish(NODE, "civil", [THIRD, description("civil.birth", "civil")], announce)
    assert [(step.what, step.code, step.version, step.breaking) for step in told] == [
        (What.PUBLISHED, "civil.birth", 1, False),
        (What.WITHDRAWN, "civil.marriage", 1, False),
        (What.CHANGED, "civil.resident", 2, True),
    ]
    assert told[2].changes == ("field_added", "field_removed", "name_changed")
    assert told[2].fingerprint == THIRD.fingerprint


def test_nothing_changes_when_the_announcement_fails(catalog: Catalog, versions: Versions) -> None:
    catalog.publish(NODE, "civil", [FIRST])

    def announce(_steps) -> None:
        raise Refused(Code.LEDGER_UNAVAILABLE)

    assert refusal(catalog.publish, NODE, "civil", [THIRD], announce).code is Code.LEDGER_UNAVAILABLE
    entry = catalog.get("civil.resident")
    assert entry is not None
    assert entry.resource == FIRST
    assert len(versions.list("civil.resident")) == 1


def test_steps_that_turn_out_to_be_others_are_announced_again(
    catalogue_engine: Engine, catalog: Catalog, clock: FixedClock
) -> None:
    elsewhere = Catalog(catalogue_engine, clock)
    told: list[int] = []

    def announce(steps) -> None:
        told.append(steps[0].version)
        if len(told) == 1:
            elsewhere.publish(NODE, "civil", [FIRST])

    assert catalog.publish(NODE, "civil", [SECOND], announce) == {"civil.resident": 2}
    assert told == [1, 2]


def test_offering_the_same_announces_nothing(catalog: Catalog) -> None:
    catalog.publish(NODE, "civil", [FIRST])

    def announce(_steps) -> None:
        raise AssertionError("nothing changes")

    assert catalog.publish(NODE, "civil", [FIRST], announce) == {"civil.resident": 1}


def test_terms_and_versions_belong_to_what_is_there(catalogue_engine: Engine, catalog: Catalog) -> None:
    catalog.publish(NODE, "civil", [FIRST])
    catalog.publish(NODE, "civil", [])
    with catalogue_engine.connect() as connection:
        assert connection.execute(select(TERMS)).first() is None
    with write_transaction(catalogue_engine) as connection:
        connection.execute(delete(RESOURCES))
    assert catalog.list() == ()
