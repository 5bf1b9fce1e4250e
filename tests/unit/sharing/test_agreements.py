from collections.abc import Iterator

import pytest

from gateway.errors import Code, Refused
from gateway.sharing.agreements import Agreements
from gateway.sharing.tables import EPOCH, SUSPENSIONS
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from keys.signing import REQUEST
from policies.vocabulary import LegalBasis
from tests.support.parties import DAY_MS, NOW_MS, Department, Registry, agreement_text, moment, signed

MANDATE = LegalBasis.MANDATE


class Exchange:
    """A provider, a consumer and the agreements between them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.civil = registry.add("civil")
        self.housing = registry.add("housing")
        self.providers = {"civil.resident": "civil", "civil.marriage": "civil", "tax.payer": "tax"}
        self.agreements = self.open(registry)

    def open(self, registry: Registry) -> Agreements:
        return Agreements(registry.engine, registry.departments, registry.clock, self.providers.get)

    def text(self, **changes: object) -> bytes:
        return agreement_text(self.civil, self.housing, **changes)

    def add(self, **changes: object):
        return self.agreements.add(*signed(self.civil, self.text(**changes)))

    def find(self, **changes: object):
        question = {
            "consumer": "housing",
            "system_name": "counter",
            "resource": "civil.resident",
            "purpose": "school_enrolment",
            "basis": MANDATE,
            "now_ms": self.registry.clock.now_ms(),
        }
        return self.agreements.find(**question | changes)

    def nearest(self, **changes: object):
        question = {
            "consumer": "housing",
            "system_name": "counter",
            "resource": "civil.resident",
            "purpose": "school_enrolment",
            "basis": MANDATE,
            "now_ms": self.registry.clock.now_ms(),
        }
        return self.agreements.nearest(**question | changes)


@pytest.fixture
def exchange(registry: Registry) -> Iterator[Exchange]:
    return Exchange(registry)


def refusal(call, *arguments, **keywords) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*arguments, **keywords)
    return refused.value


def test_a_signed_agreement_is_found_with_its_exact_bytes(exchange: Exchange):
    raw = exchange.text()
    added = exchange.agreements.add(*signed(exchange.civil, raw))
    found = exchange.find()
    assert (found.raw, found.digest, found.revision) == (raw, added.digest, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"consumer": "civil"},
        {"system_name": "archive"},
        {"resource": "civil.marriage"},
        {"purpose": "marriage_registration"},
        {"purpose": ""},
        {"basis": LegalBasis.CONSENT},
        {"basis": LegalBasis.EXPLICIT_REQUEST},
        {"now_ms": NOW_MS - DAY_MS - 1},
        {"now_ms": NOW_MS + 30 * DAY_MS},
    ],
)
def test_what_an_agreement_does_not_cover_finds_none(exchange: Exchange, changes: dict):
    exchange.add()
    assert exchange.find(**changes) is None


def test_an_agreement_holds_from_its_first_moment_to_the_one_before_its_end(exchange: Exchange):
    exchange.add()
    assert exchange.find(now_ms=NOW_MS - DAY_MS) is not None
    assert exchange.find(now_ms=NOW_MS + 30 * DAY_MS - 1) is not None


def test_nothing_is_found_where_nothing_was_agreed(exchange: Exchange):
    assert exchange.find() is None
    assert exchange.nearest() is None


def bad_signatures(exchange: Exchange, raw: bytes) -> list[tuple[bytes, bytes]]:
    civil, other = exchange.civil, Department("civil")
    good = signed(civil, raw)[1]
    return [
        (b"", civil.key.verify_key.der),
        (b"garbage", civil.key.verify_key.der),
        (good[:-1] + bytes([good[-1] ^ 1]), civil.key.verify_key.der),
        (civil.key.sign(REQUEST, raw), civil.key.verify_key.der),
        (signed(civil, raw + b"\n")[1], civil.key.verify_key.der),
        (signed(other, raw)[1], civil.key.verify_key.der),
        (signed(other, raw)[1], other.key.verify_key.der),
        (signed(exchange.housing, raw)[1], exchange.housing.key.verify_key.der),
        (good, b"not a key"),
    ]


@pytest.mark.parametrize("index", range(9))
def test_an_agreement_that_the_provider_did_not_sign_is_refused(exchange: Exchange, index: int):
    raw = exchange.text()
    signature, key = bad_signatures(exchange, raw)[index]
    assert refusal(exchange.agreements.add, raw, signature, key).code is Code.BAD_SIGNATURE
    assert exchange.find() is None


def test_an_agreement_signed_by_a_key_that_is_not_the_registered_one_is_refused(exchange: Exchange):
    impostor = Department("civil")
    raw = agreement_text(impostor, exchange.housing)
    refused = refusal(exchange.agreements.add, *signed(impostor, raw))
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "provider_key")


def test_an_agreement_with_a_key_that_is_not_the_consumers_is_refused(exchange: Exchange):
    raw = agreement_text(exchange.civil, Department("housing"))
    refused = refusal(exchange.agreements.add, *signed(exchange.civil, raw))
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "consumer_key")


def test_an_agreement_with_an_unknown_or_revoked_department_is_refused(exchange: Exchange):
    raw = agreement_text(exchange.civil, Department("nobody"))
    assert refusal(exchange.agreements.add, *signed(exchange.civil, raw)).code is Code.DEPARTMENT_UNKNOWN
    exchange.registry.departments.revoke("housing", "closed")
    assert refusal(exchange.add).code is Code.DEPARTMENT_REVOKED


def test_a_file_that_breaks_a_rule_is_refused_with_line_and_key(exchange: Exchange):
    raw = exchange.text(purpose="No such purpose")
    refused = refusal(exchange.agreements.add, *signed(exchange.civil, raw))
    assert refused.code is Code.BAD_REQUEST
    assert refused.violations[0].field == "purposes"
    assert refused.violations[0].rule.startswith("line 11: ")
    for text in (b"", b"\xff\xfe", b"format = "):
        assert refusal(exchange.agreements.add, *signed(exchange.civil, text)).code is Code.BAD_REQUEST


def test_an_oversize_file_is_not_even_verified(exchange: Exchange):
    raw = exchange.text() + b"#" * 65_536
    assert refusal(exchange.agreements.add, *signed(exchange.civil, raw)).code is Code.TOO_LARGE


def test_an_agreement_whose_term_has_passed_is_not_taken_in(exchange: Exchange):
    refused = refusal(exchange.add, valid_until=moment(NOW_MS - 1000))
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "valid_until")


def test_a_newer_revision_replaces_the_older_one(exchange: Exchange):
    exchange.add(field="name")
    exchange.add(revision=3, field="address")
    found = exchange.find()
    assert (found.revision, set(found.items)) == (3, {"address"})


def test_a_newer_revision_that_covers_less_leaves_nothing_of_the_older_one(exchange: Exchange):
    exchange.add()
    exchange.add(revision=2, system="archive")
    assert exchange.find() is None
    assert exchange.find(system_name="archive").revision == 2


@pytest.mark.parametrize("revision", [1, 2])
def test_a_revision_that_is_not_newer_is_refused(exchange: Exchange, revision: int):
    exchange.add(revision=2)
    assert refusal(exchange.add, revision=revision, field="address").code is Code.ALREADY_EXISTS
    assert set(exchange.find().items) == {"name"}


def test_adding_the_same_again_changes_nothing(exchange: Exchange):
    raw, signature, key = signed(exchange.civil, exchange.text())
    first = exchange.agreements.add(raw, signature, key)
    assert exchange.agreements.add(raw, signature, key).digest == first.digest
    assert len(exchange.agreements.list()) == 1


def test_an_id_belongs_to_its_parties_and_resource(exchange: Exchange):
    exchange.add()
    assert refusal(exchange.add, revision=2, resource="civil.marriage").code is Code.NOT_ALLOWED
    tax = exchange.registry.add("tax")
    stolen = agreement_text(tax, exchange.housing, revision=2, resource="tax.payer")
    assert refusal(exchange.agreements.add, *signed(tax, stolen)).code is Code.NOT_ALLOWED


def test_a_provider_cannot_agree_to_another_departments_resource(exchange: Exchange):
    tax = exchange.registry.add("tax")
    raw = agreement_text(tax, exchange.housing, resource="civil.resident")
    exchange.agreements.add(*signed(tax, raw))
    assert exchange.find() is None
    assert exchange.nearest() is None


def test_a_resource_that_the_catalogue_does_not_offer_has_no_agreement(exchange: Exchange):
    exchange.add()
    del exchange.providers["civil.resident"]
    assert exchange.find() is None


def test_a_revoked_agreement_is_not_found_and_never_comes_back(exchange: Exchange):
    exchange.add()
    exchange.agreements.revoke("civil-desk-1", "misused")
    assert exchange.find() is None
    assert exchange.nearest() is None
    assert refusal(exchange.add).code is Code.NOT_ALLOWED
    assert refusal(exchange.add, revision=2).code is Code.NOT_ALLOWED
    exchange.add(id="civil-desk-2")
    assert exchange.find().id == "civil-desk-2"


def test_revoking_twice_keeps_the_first_reason(exchange: Exchange):
    exchange.add()
    exchange.agreements.revoke("civil-desk-1", "first")
    exchange.agreements.revoke("civil-desk-1", "second")
    (listed,) = exchange.agreements.list()
    assert (listed.reason, listed.revoked_ms) == ("first", NOW_MS)


def test_what_does_not_exist_is_not_revoked_and_a_reason_is_needed(exchange: Exchange):
    assert refusal(exchange.agreements.revoke, "nothing", "reason").code is Code.NOT_FOUND
    exchange.add()
    assert refusal(exchange.agreements.revoke, "civil-desk-1", "").code is Code.BAD_REQUEST
    assert refusal(exchange.agreements.revoke, "civil-desk-1", "over\u202e\x1b[2J").code is Code.BAD_REQUEST
    assert exchange.find() is not None


@pytest.mark.parametrize("party", ["civil", "housing"])
def test_agreements_of_a_revoked_department_end_at_once(exchange: Exchange, party: str):
    exchange.add()
    exchange.registry.departments.revoke(party, "closed")
    assert exchange.find() is None


@pytest.mark.parametrize("party", ["civil", "housing"])
def test_agreements_under_a_departments_former_key_end_at_once(exchange: Exchange, party: str):
    exchange.add()
    exchange.registry.departments.set_key(party, Department(party).fingerprint)
    assert exchange.find() is None


def test_an_agreement_signed_anew_under_the_new_key_counts(exchange: Exchange):
    exchange.add()
    exchange.civil = Department("civil")
    exchange.registry.departments.set_key("civil", exchange.civil.fingerprint)
    exchange.add(revision=2)
    assert exchange.find().revision == 2


def test_when_the_register_cannot_be_read_no_agreement_is_assumed_or_denied(exchange: Exchange):
    class Unreadable:
        def fingerprint(self, department_id: str) -> str:
            raise Refused(Code.INTERNAL)

    exchange.add()
    registry = exchange.registry
    agreements = Agreements(registry.engine, Unreadable(), registry.clock, exchange.providers.get)
    question = ("housing", "counter", "civil.resident", "school_enrolment", MANDATE, NOW_MS)
    assert refusal(agreements.find, *question).code is Code.INTERNAL


def test_of_several_agreements_the_one_that_covers_most_is_taken(exchange: Exchange):
    exchange.add(id="a", field="name")
    exchange.add(id="b", field="address")
    assert exchange.find(coverage=lambda one: (len(one.items.keys() & {"name"}),)).id == "a"
    assert exchange.find(coverage=lambda one: (len(one.items.keys() & {"address"}),)).id == "b"


def test_of_equals_the_newest_is_taken_and_then_the_smallest_id(exchange: Exchange):
    exchange.add(id="b")
    exchange.add(id="ab")
    exchange.add(id="a")
    assert exchange.find().id == "a"
    exchange.add(id="z", valid_from=moment(NOW_MS))
    assert exchange.find().id == "z"


def test_the_nearest_agreement_tells_what_is_missing_and_is_no_permission(exchange: Exchange):
    exchange.add(id="for-the-counter")
    exchange.add(id="for-the-archive", system="archive", purpose="marriage_registration")
    assert exchange.find(purpose="newborn_registration") is None
    assert exchange.nearest(purpose="newborn_registration").id == "for-the-counter"
    assert exchange.nearest(system_name="archive").id == "for-the-archive"
    assert exchange.nearest(consumer="civil") is None


def test_where_the_one_that_would_serve_is_suspended_no_other_is_called_the_nearest(exchange: Exchange):
    serving = exchange.add(id="for-the-counter")
    exchange.add(id="for-the-archive", system="archive")
    with write_transaction(exchange.registry.engine) as connection:
        connection.execute(SUSPENSIONS.insert().values(agreement_id=serving.id, party="provider", since_ms=1))
        advance(connection, EPOCH)
    assert exchange.find() is None
    assert exchange.nearest() is None
    assert exchange.agreements.is_suspended("housing", "civil.resident")
    # What the suspended one would not serve either is told by the one that comes closest.
    assert exchange.nearest(purpose="newborn_registration").id == "for-the-archive"


def test_an_agreement_in_use_stays_good_to_its_end_whatever_else_is_agreed(exchange: Exchange):
    exchange.add(id="used")
    used = exchange.find()
    exchange.agreements.require_unchanged(used, NOW_MS)
    exchange.add(id="another", valid_from=moment(NOW_MS))
    assert exchange.find().id == "another"
    exchange.agreements.require_unchanged(used, NOW_MS)
    exchange.agreements.require_unchanged(used, NOW_MS + 30 * DAY_MS - 1)
    end_ms = NOW_MS + 30 * DAY_MS
    assert refusal(exchange.agreements.require_unchanged, used, end_ms).code is Code.NO_AGREEMENT


@pytest.mark.parametrize("change", ["revoked", "revised", "moved", "consumer gone"])
def test_an_agreement_that_changed_during_a_request_stops_the_release(exchange: Exchange, change: str):
    exchange.add(id="used")
    used = exchange.find()
    if change == "revoked":
        exchange.agreements.revoke("used", "misused")
    elif change == "revised":
        exchange.add(id="used", revision=2)
    elif change == "moved":
        exchange.providers["civil.resident"] = "tax"
    else:
        exchange.registry.departments.revoke("housing", "closed")
    assert refusal(exchange.agreements.require_unchanged, used, NOW_MS).code is Code.NO_AGREEMENT


def test_agreements_are_listed_in_their_newest_revision_by_id(exchange: Exchange):
    exchange.add(id="b")
    exchange.add(id="a")
    exchange.registry.clock.advance(5000)
    exchange.add(id="a", revision=2)
    listed = exchange.agreements.list()
    assert [(entry.agreement.id, entry.agreement.revision, entry.added_ms) for entry in listed] == [
        ("a", 2, NOW_MS + 5000),
        ("b", 1, NOW_MS),
    ]


def test_changes_elsewhere_are_seen_by_the_very_next_question(exchange: Exchange):
    registry = exchange.registry.elsewhere()
    elsewhere = exchange.open(registry)
    assert exchange.find() is None
    elsewhere.add(*signed(exchange.civil, exchange.text()))
    assert exchange.find().revision == 1
    elsewhere.add(*signed(exchange.civil, exchange.text(revision=2)))
    assert exchange.find().revision == 2
    elsewhere.revoke("civil-desk-1", "misused")
    assert exchange.find() is None
    registry.close()
