from dataclasses import replace

import pytest
from sqlalchemy import update

from gateway.catalog.catalog import MAX_RESOURCES_OF_A_NODE, Catalog
from gateway.catalog.tables import RESOURCES
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from policies.vocabulary import Classification
from tests.support.parties import DOMAIN, NOW_MS, Registry, description

NODE = f"spiffe://{DOMAIN}/department/civil/node/n1"
OTHER_NODE = f"spiffe://{DOMAIN}/department/civil/node/n2"
TAX_NODE = f"spiffe://{DOMAIN}/department/tax/node/n1"
GATEWAY = f"spiffe://{DOMAIN}/gateway/gateway"


@pytest.fixture
def catalog(registry: Registry) -> Catalog:
    return registry.catalog


def refusal(call, *arguments, **keywords) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*arguments, **keywords)
    return refused.value


def codes(catalog: Catalog, **keywords) -> list[str]:
    return [entry.resource.code for entry in catalog.list(**keywords)]


def test_what_a_node_offers_is_found_as_it_was_described(catalog: Catalog):
    resource = description("civil.resident", "civil")
    assert catalog.publish(NODE, "civil", [resource]) == {"civil.resident": 1}
    entry = catalog.get("civil.resident")
    assert entry is not None
    assert (entry.resource, entry.version, entry.published_ms, entry.node) == (resource, 1, NOW_MS, NODE)
    assert entry.resource.fingerprint == resource.fingerprint
    assert catalog.provider_of("civil.resident") == "civil"


def test_what_nobody_offers_is_not_there(catalog: Catalog):
    assert catalog.get("civil.resident") is None
    assert catalog.provider_of("civil.resident") is None
    assert catalog.list() == ()


def test_a_version_counts_up_exactly_when_the_description_changes(catalog: Catalog, registry: Registry):
    resource = description("civil.resident", "civil")
    changed = replace(resource, name_en="Registered residents")
    catalog.publish(NODE, "civil", [resource])
    registry.clock.advance(1000)
    assert catalog.publish(NODE, "civil", [resource]) == {"civil.resident": 1}
    assert catalog.publish(NODE, "civil", [changed]) == {"civil.resident": 2}
    entry = catalog.get("civil.resident")
    assert entry is not None
    assert (entry.resource.name_en, entry.published_ms) == ("Registered residents", NOW_MS + 1000)


def test_offering_the_same_again_writes_nothing(catalog: Catalog, registry: Registry):
    resources = [description("civil.resident", "civil"), description("civil.marriage", "civil")]
    catalog.publish(NODE, "civil", resources)
    with write_transaction(registry.engine):
        # Another writer holds the database: a publication that wrote would have to wait.
        assert catalog.publish(NODE, "civil", resources[::-1]) == {"civil.resident": 1, "civil.marriage": 1}


def test_what_a_node_offers_no_more_is_withdrawn_and_keeps_its_count(catalog: Catalog):
    resident, marriage = description("civil.resident", "civil"), description("civil.marriage", "civil")
    catalog.publish(NODE, "civil", [resident, marriage])
    catalog.publish(NODE, "civil", [resident])
    assert codes(catalog) == ["civil.resident"]
    assert catalog.publish(NODE, "civil", [resident, marriage]) == {"civil.resident": 1, "civil.marriage": 1}
    assert codes(catalog) == ["civil.marriage", "civil.resident"]


@pytest.mark.parametrize(
    "resource",
    [
        description("tax.payer", "tax"),
        description("civil.payer", "tax"),
        description("tax.payer", "civil"),
        description("civilian.payer", "civil"),
        description("oncegate.profile", "civil"),
    ],
)
def test_a_resource_of_another_department_is_refused_and_nothing_is_taken(catalog: Catalog, resource):
    refused = refusal(catalog.publish, NODE, "civil", [description("civil.resident", "civil"), resource])
    assert refused.code is Code.NODE_REFUSED
    assert all(violation.field.startswith("resources[1].") for violation in refused.violations)
    assert catalog.list() == ()


def test_a_department_named_like_the_gateways_own_codes_gains_nothing(catalog: Catalog):
    node = f"spiffe://{DOMAIN}/department/oncegate/node/n1"
    refused = refusal(catalog.publish, node, "oncegate", [description("oncegate.profile", "oncegate")])
    assert refused.code is Code.NODE_REFUSED


def test_the_gateway_publishes_its_own_codes_and_no_others(catalog: Catalog):
    profile = description("oncegate.profile", "data-bureau")
    assert catalog.publish(GATEWAY, "data-bureau", [profile]) == {"oncegate.profile": 1}
    assert catalog.provider_of("oncegate.profile") == "data-bureau"
    refused = refusal(catalog.publish, GATEWAY, "civil", [description("civil.resident", "civil")])
    assert refused.code is Code.NODE_REFUSED


def test_a_resource_held_by_another_node_is_refused_until_that_node_gives_it_up(catalog: Catalog):
    resident, marriage = description("civil.resident", "civil"), description("civil.marriage", "civil")
    catalog.publish(NODE, "civil", [resident])
    refused = refusal(catalog.publish, OTHER_NODE, "civil", [marriage, resident])
    assert (refused.code, refused.violations[0].field) == (Code.NODE_REFUSED, "resources[1].code")
    assert codes(catalog) == ["civil.resident"]
    catalog.publish(NODE, "civil", [])
    catalog.publish(OTHER_NODE, "civil", [marriage, resident])
    entry = catalog.get("civil.resident")
    assert entry is not None
    assert (entry.node, entry.version) == (OTHER_NODE, 1)


def test_the_operator_takes_a_dead_nodes_resources_out(catalog: Catalog):
    catalog.publish(NODE, "civil", [description("civil.resident", "civil"), description("civil.marriage", "civil")])
    catalog.publish(TAX_NODE, "tax", [description("tax.payer", "tax")])
    assert sorted(catalog.withdraw(NODE)) == ["civil.marriage", "civil.resident"]
    assert codes(catalog) == ["tax.payer"]
    assert catalog.withdraw(NODE) == ()


def test_every_broken_rule_is_told_with_its_path_and_nothing_is_taken(catalog: Catalog):
    good = description("civil.resident", "civil")
    refused = refusal(
        catalog.publish,
        NODE,
        "civil",
        [
            good,
            replace(good, code="civil.two", update_cycle="daily"),
            replace(good, code="civil.three", classification=Classification.PUBLIC),
            good,
        ],
    )
    assert refused.code is Code.BAD_REQUEST
    assert [violation.field for violation in refused.violations] == [
        "resources[1].update_cycle",
        "resources[2].classification",
        "resources[3].code",
    ]
    assert catalog.list() == ()


def test_a_node_offers_a_bounded_number_of_resources(catalog: Catalog):
    resources = [description("civil.resident", "civil")] * (MAX_RESOURCES_OF_A_NODE + 1)
    assert refusal(catalog.publish, NODE, "civil", resources).code is Code.BAD_REQUEST


def test_resources_are_listed_by_code_page_by_page_and_by_provider(catalog: Catalog):
    catalog.publish(NODE, "civil", [description(f"civil.{name}", "civil") for name in ("d", "a", "c")])
    catalog.publish(TAX_NODE, "tax", [description("tax.b", "tax")])
    assert codes(catalog) == ["civil.a", "civil.c", "civil.d", "tax.b"]
    assert codes(catalog, limit=2) == ["civil.a", "civil.c"]
    assert codes(catalog, after="civil.c", limit=2) == ["civil.d", "tax.b"]
    assert codes(catalog, after="civil.b") == ["civil.c", "civil.d", "tax.b"]
    assert codes(catalog, provider="tax") == ["tax.b"]
    assert codes(catalog, provider="health") == []


def test_what_a_node_may_touch_in_the_index_is_what_it_offers(catalog: Catalog):
    catalog.publish(NODE, "civil", [description("civil.a", "civil")])
    catalog.publish(OTHER_NODE, "civil", [description("civil.b", "civil")])
    assert catalog.offered_by(NODE) == {"civil.a"}
    assert catalog.offered_by(TAX_NODE) == frozenset()


def test_a_publication_elsewhere_is_seen_by_the_very_next_question(registry: Registry):
    elsewhere = registry.elsewhere()
    assert registry.catalog.get("civil.resident") is None
    elsewhere.catalog.publish(NODE, "civil", [description("civil.resident", "civil")])
    assert registry.catalog.get("civil.resident") is not None
    elsewhere.catalog.withdraw(NODE)
    assert registry.catalog.get("civil.resident") is None
    elsewhere.close()


@pytest.mark.parametrize(
    "damage",
    [
        {"body": "{"},
        {"body": "[]"},
        {"body": '{"code": "civil.resident"}'},
        {"provider": "tax"},
    ],
)
def test_a_description_damaged_in_the_database_is_not_offered_and_others_are(registry: Registry, damage: dict):
    elsewhere = registry.elsewhere()
    resources = [description("civil.resident", "civil"), description("civil.marriage", "civil")]
    registry.catalog.publish(NODE, "civil", resources)
    with write_transaction(registry.engine) as connection:
        connection.execute(update(RESOURCES).where(RESOURCES.c.code == "civil.resident").values(**damage))
    assert codes(elsewhere.catalog) == ["civil.marriage"]
    elsewhere.close()
