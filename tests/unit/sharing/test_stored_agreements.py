"""What is in the database is not believed: it is verified again when it is read."""

import pytest
from sqlalchemy import delete, insert, select, update

from gateway.errors import Code, Refused
from gateway.sharing.agreements import Agreements
from gateway.sharing.tables import AGREEMENTS, EPOCH
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from keys.signing import digest
from policies.vocabulary import LegalBasis
from tests.support.parties import NOW_MS, Department, Registry, agreement_text, signed

QUESTION = ("housing", "counter", "civil.resident", "school_enrolment", LegalBasis.MANDATE, NOW_MS)


@pytest.fixture
def parties(registry: Registry) -> tuple[Department, Department]:
    return registry.add("civil"), registry.add("housing")


def restarted(registry: Registry) -> Agreements:
    """As a process sees it that starts now."""
    return Agreements(registry.engine, registry.departments, registry.clock, lambda code: code.partition(".")[0])


def edit(registry: Registry, **values: object) -> None:
    with write_transaction(registry.engine) as connection:
        connection.execute(update(AGREEMENTS).values(**values))
        advance(connection, EPOCH)


def edits(civil: Department, housing: Department) -> dict[str, dict[str, object]]:
    wider = agreement_text(civil, housing, field="address")
    forged = signed(Department("civil"), wider)
    return {
        "bytes alone": {"raw": wider},
        "bytes and digest": {"raw": wider, "digest": digest(wider)},
        "everything, signed by the editor": {
            "raw": wider,
            "digest": digest(wider),
            "signature": forged[1],
            "signer_key": forged[2],
        },
        "digest alone": {"digest": bytes(32)},
        "signature": {"signature": b"0"},
        "signer": {"signer_key": housing.key.verify_key.der},
    }


@pytest.mark.parametrize("index", range(6))
def test_an_agreement_edited_by_hand_is_not_used_and_is_reported(registry: Registry, parties, index: int):
    civil, housing = parties
    restarted(registry).add(*signed(civil, agreement_text(civil, housing)))
    assert restarted(registry).find(*QUESTION) is not None
    edit(registry, **list(edits(civil, housing).values())[index])
    agreements = restarted(registry)
    assert agreements.find(*QUESTION) is None
    assert agreements.list() == ()
    (problem,) = agreements.problems()
    assert (problem.agreement_id, problem.revision) == ("civil-desk-1", 1)
    assert problem.rule


@pytest.mark.parametrize("change", [{"consumer": "welfare"}, {"resource": "civil.marriage"}])
def test_an_agreement_moved_to_another_place_in_the_index_is_not_used_there(registry: Registry, parties, change: dict):
    civil, housing = parties
    registry.add("welfare")
    restarted(registry).add(*signed(civil, agreement_text(civil, housing)))
    edit(registry, **change)
    agreements = restarted(registry)
    where = {"consumer": "housing", "resource": "civil.resident"} | change
    found = agreements.find(
        where["consumer"], "counter", where["resource"], "school_enrolment", LegalBasis.MANDATE, NOW_MS
    )
    assert found is None
    assert [problem.agreement_id for problem in agreements.problems()] == ["civil-desk-1"]


def test_an_older_revision_put_back_under_a_newer_number_is_not_used(registry: Registry, parties):
    civil, housing = parties
    agreements = restarted(registry)
    agreements.add(*signed(civil, agreement_text(civil, housing)))
    agreements.add(*signed(civil, agreement_text(civil, housing, revision=2, system="archive")))
    with write_transaction(registry.engine) as connection:
        old = connection.execute(select(AGREEMENTS).where(AGREEMENTS.c.revision == 1)).mappings().one()
        position = advance(connection, EPOCH)
        connection.execute(insert(AGREEMENTS).values(dict(old) | {"revision": 3, "position": position}))
    assert agreements.find(*QUESTION) is None
    assert restarted(registry).find(*QUESTION) is None


def test_an_older_revision_put_in_by_hand_after_a_newer_one_does_not_replace_it(registry: Registry, parties):
    civil, housing = parties
    agreements = restarted(registry)
    agreements.add(*signed(civil, agreement_text(civil, housing, revision=2)))
    raw, signature, key = signed(civil, agreement_text(civil, housing, field="address"))
    with write_transaction(registry.engine) as connection:
        newer = connection.execute(select(AGREEMENTS)).mappings().one()
        older = {"revision": 1, "raw": raw, "digest": digest(raw), "signature": signature, "signer_key": key}
        connection.execute(insert(AGREEMENTS).values(dict(newer) | older | {"position": advance(connection, EPOCH)}))
    assert [book.find(*QUESTION).revision for book in (agreements, restarted(registry))] == [2, 2]


def test_a_damaged_newest_revision_does_not_bring_the_older_one_back(registry: Registry, parties):
    civil, housing = parties
    agreements = restarted(registry)
    agreements.add(*signed(civil, agreement_text(civil, housing)))
    agreements.add(*signed(civil, agreement_text(civil, housing, revision=2)))
    with write_transaction(registry.engine) as connection:
        connection.execute(update(AGREEMENTS).where(AGREEMENTS.c.revision == 2).values(raw=b"damaged"))
    assert restarted(registry).find(*QUESTION) is None


def test_a_newer_revision_heals_a_damaged_one(registry: Registry, parties):
    civil, housing = parties
    restarted(registry).add(*signed(civil, agreement_text(civil, housing)))
    edit(registry, raw=b"damaged")
    agreements = restarted(registry)
    assert agreements.find(*QUESTION) is None
    agreements.add(*signed(civil, agreement_text(civil, housing, revision=2)))
    assert agreements.find(*QUESTION) is not None
    assert agreements.problems() == ()


def test_an_agreement_deleted_while_the_gateway_runs_is_reported_when_it_was_never_read(registry: Registry, parties):
    civil, housing = parties
    restarted(registry).add(*signed(civil, agreement_text(civil, housing)))
    agreements = restarted(registry)
    agreements.find("housing", "counter", "civil.other", "school_enrolment", LegalBasis.MANDATE, NOW_MS)
    with write_transaction(registry.engine) as connection:
        connection.execute(delete(AGREEMENTS))
    assert agreements.find(*QUESTION) is None
    assert [problem.rule for problem in agreements.problems()] == ["is missing in the database"]


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_an_agreement_changed_by_hand_while_it_is_in_use_is_used_no_longer_and_reported(
    registry: Registry, parties, change: str, caplog: pytest.LogCaptureFixture
):
    civil, housing = parties
    agreements = restarted(registry)
    agreements.add(*signed(civil, agreement_text(civil, housing)))
    held = agreements.find(*QUESTION)
    assert held is not None
    agreements.recheck()
    assert agreements.find(*QUESTION) is held
    # No counter moves: whoever writes into the database by hand does not say so.
    with write_transaction(registry.engine) as connection:
        if change == "edited":
            connection.execute(update(AGREEMENTS).values(raw=agreement_text(civil, housing, field="address")))
        else:
            connection.execute(delete(AGREEMENTS))
    agreements.recheck()
    assert agreements.find(*QUESTION) is None
    with pytest.raises(Refused, match="the agreement changed during the request"):
        agreements.require_unchanged(held, NOW_MS)
    rule = {"edited": "the bytes are not the ones of the digest", "deleted": "is missing in the database"}[change]
    assert [(one.agreement_id, one.revision, one.rule) for one in agreements.noticed()] == [("civil-desk-1", 1, rule)]
    assert "a stored agreement is not used: civil-desk-1 revision 1" in caplog.text
    agreements.recheck()
    assert caplog.text.count("is not used") == 1


def test_a_restored_backup_is_noticed_although_the_counter_went_back(registry: Registry, parties):
    civil, housing = parties
    agreements = restarted(registry)
    agreements.add(*signed(civil, agreement_text(civil, housing)))
    agreements.add(*signed(civil, agreement_text(civil, housing, revision=2)))
    assert agreements.find(*QUESTION) is not None
    with write_transaction(registry.engine) as connection:
        connection.execute(delete(AGREEMENTS))
        connection.execute(update(EPOCH).values(value=1))
    assert agreements.find(*QUESTION) is None


def test_nobody_takes_over_the_id_of_a_damaged_agreement(registry: Registry, parties):
    civil, housing = parties
    tax = registry.add("tax")
    restarted(registry).add(*signed(civil, agreement_text(civil, housing)))
    edit(registry, raw=b"damaged")
    with pytest.raises(Refused) as refused:
        restarted(registry).add(*signed(tax, agreement_text(tax, housing, revision=9, resource="tax.payer")))
    assert refused.value.code is Code.NOT_ALLOWED
