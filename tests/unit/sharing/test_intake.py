"""What is refused when an agreement comes in: floors, and contradictions to what stands already."""

from dataclasses import replace

import pytest
from sqlalchemy import insert

from gateway.errors import Code, Refused
from gateway.sharing.agreements import Agreements
from gateway.sharing.tables import EPOCH, SUSPENSIONS
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from policies.vocabulary import Classification, SharingType
from tests.support.parties import DAY_MS, NOW_MS, Registry, agreement_text, description, moment, signed


class Exchange:
    """A provider with one described resource and a consumer."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.civil, self.housing = registry.add("civil"), registry.add("housing")
        self.resource = description("civil.resident", "civil")
        self.offered = True
        self.agreements = Agreements(
            registry.engine,
            registry.departments,
            registry.clock,
            lambda _code: "civil" if self.offered else None,
            lambda _code: self.resource if self.offered else None,
        )

    def add(self, more: str = "", **changes: object):
        raw = more.encode() + agreement_text(self.civil, self.housing, **changes)
        return self.agreements.add(*signed(self.civil, raw))

    def refused(self, more: str = "", **changes: object) -> Refused:
        with pytest.raises(Refused) as caught:
            self.add(more, **changes)
        return caught.value


@pytest.fixture
def exchange(registry: Registry) -> Exchange:
    return Exchange(registry)


def test_a_field_that_the_catalogue_does_not_have_is_refused_by_its_key(exchange: Exchange):
    refused = exchange.refused(field="shoe_size")
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "items.shoe_size")


def test_a_sensitive_field_needs_an_impact_assessment(exchange: Exchange):
    (name,) = exchange.resource.fields
    exchange.resource = replace(exchange.resource, fields=(replace(name, classification=Classification.SENSITIVE),))
    assert exchange.refused().violations[0].field == "impact_assessment"
    assert exchange.add('impact_assessment = "PIA-2026-9"\n').impact_assessment == "PIA-2026-9"


def test_what_is_not_shared_is_not_agreed(exchange: Exchange):
    exchange.resource = replace(exchange.resource, sharing_type=SharingType.NOT_SHARED)
    assert exchange.refused().violations[0].field == "resource"


def test_an_agreement_that_puts_other_duties_on_the_same_release_is_refused_naming_both(exchange: Exchange):
    exchange.add()
    refused = exchange.refused("official_required = true\n", id="civil-desk-2")
    assert refused.code is Code.AGREEMENT_CONTRADICTS
    assert dict(refused.facts) == {"agreement": "civil-desk-1", "keys": "official_required"}
    assert refused.violations[0].field == "official_required"
    assert len(exchange.agreements.list()) == 1


def test_it_is_admitted_once_the_other_has_ended_or_where_they_do_not_meet(exchange: Exchange):
    exchange.add()
    exchange.add("official_required = true\n", id="civil-desk-2", purpose="tax_assessment")
    exchange.add(
        "official_required = true\n",
        id="civil-desk-3",
        valid_from=moment(NOW_MS + 30 * DAY_MS),
        valid_until=moment(NOW_MS + 60 * DAY_MS),
    )
    exchange.agreements.revoke("civil-desk-1", "replaced")
    exchange.add("official_required = true\n", id="civil-desk-4")


def test_a_suspended_agreement_is_still_contradicted_because_it_may_be_resumed(exchange: Exchange):
    exchange.add()
    with write_transaction(exchange.registry.engine) as connection:
        advance(connection, EPOCH)
        connection.execute(insert(SUSPENSIONS).values(agreement_id="civil-desk-1", party="provider", since_ms=NOW_MS))
    assert exchange.agreements.list()[0].suspended_by == {"provider"}
    assert exchange.refused("official_required = true\n", id="civil-desk-2").code is Code.AGREEMENT_CONTRADICTS


def test_agreements_for_what_is_not_offered_yet_contradict_each_other_too(exchange: Exchange):
    exchange.offered = False
    exchange.add()
    assert exchange.refused("official_required = true\n", id="civil-desk-2").code is Code.AGREEMENT_CONTRADICTS


def test_what_is_over_is_not_contradicted_also_where_the_terms_overlap_in_the_past(exchange: Exchange):
    exchange.add()
    exchange.registry.clock.at_ms = NOW_MS + 31 * DAY_MS
    later = moment(NOW_MS + 90 * DAY_MS)
    assert exchange.add("official_required = true\n", id="civil-desk-2", valid_until=later).official_required


def test_a_newer_revision_may_change_its_own_duties(exchange: Exchange):
    exchange.add()
    assert exchange.add("official_required = true\n", revision=2).official_required


def test_agreements_that_say_the_same_are_admitted_and_listed_with_each_other(exchange: Exchange):
    exchange.add()
    exchange.add(id="civil-desk-2", uses_per_day=7)
    exchange.add(id="civil-desk-3", purpose="tax_assessment")
    assert [listed.overlaps for listed in exchange.agreements.list()] == [("civil-desk-2",), ("civil-desk-1",), ()]
