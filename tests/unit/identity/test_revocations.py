import pytest
from sqlalchemy import delete, func, select

from gateway.errors import Code, Refused
from gateway.identity.tables import DENIALS
from gateway.storage.database import write_transaction
from tests.support.parties import DAY_MS, DOMAIN, LIFE_S, Registry, new_csr

NAME = f"spiffe://{DOMAIN}/department/civil/system/counter"


def code_of(call, *arguments) -> Code:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.code


def test_revoking_a_name_tells_which_certificates_are_denied(registry: Registry):
    civil = registry.add("civil")
    serials = sorted(f"{registry.enrol(civil, 'counter').leaf.serial:x}" for _ in range(2))
    revocation = registry.enrolments.revoke(NAME, "decommissioned")
    assert (revocation.spiffe, sorted(revocation.serials), revocation.whole_name) == (NAME, serials, True)


def test_revoking_one_certificate_tells_whose_it_was(registry: Registry):
    serial = f"{registry.enrol(registry.add('civil'), 'counter').leaf.serial:x}"
    revocation = registry.enrolments.revoke(serial, "lost")
    assert (revocation.spiffe, revocation.serials, revocation.whole_name) == (NAME, (serial,), False)


@pytest.mark.parametrize("target", [NAME, "abc123", ""])
def test_what_was_never_issued_cannot_be_revoked(registry: Registry, target: str):
    registry.add("civil")
    assert code_of(registry.enrolments.revoke, target, "reason") is Code.NOT_FOUND


def test_a_malformed_name_is_told_so(registry: Registry):
    assert code_of(registry.enrolments.revoke, "spiffe://nonsense", "reason") is Code.BAD_REQUEST


def test_a_revocation_needs_a_reason(registry: Registry):
    issued = registry.enrol(registry.add("civil"), "counter")
    assert code_of(registry.enrolments.revoke, NAME, " ") is Code.BAD_REQUEST
    registry.peers.admit(issued.leaf.certificate_pem)


def test_revoking_a_name_makes_its_open_tokens_void(registry: Registry):
    civil = registry.add("civil")
    secret = registry.token(civil, "counter")
    other = registry.token(civil, "archive")
    registry.enrolments.revoke(NAME, "issued by mistake")
    with pytest.raises(Refused) as refused:
        registry.enrolments.enrol(secret, new_csr(), civil.certify("counter"))
    assert (refused.value.code, refused.value.detail) == (Code.BAD_TOKEN, "void")
    registry.enrolments.enrol(other, new_csr(), civil.certify("archive"))


def test_a_revoked_name_comes_back_by_a_newer_token_and_its_old_certificates_do_not(registry: Registry):
    civil = registry.add("civil")
    old = registry.enrol(civil, "counter").leaf.certificate_pem
    registry.enrolments.revoke(NAME, "key compromised")
    new = registry.enrol(civil, "counter").leaf.certificate_pem
    registry.peers.admit(new)
    assert code_of(registry.peers.admit, old) is Code.CERTIFICATE_REVOKED


def test_a_certificate_registered_at_the_moment_of_the_revocation_does_not_come_back_with_the_name(registry: Registry):
    civil = registry.add("civil")
    unseen = registry.enrol(civil, "counter").leaf.certificate_pem
    registry.enrolments.revoke(NAME, "key compromised")
    with write_transaction(registry.engine) as connection:
        # As if another replica had registered it while the revocation was looking for certificates to deny.
        connection.execute(delete(DENIALS).where(DENIALS.c.kind == "serial"))
    registry.enrol(civil, "counter")
    assert code_of(registry.peers.admit, unseen) is Code.CERTIFICATE_REVOKED


def test_a_name_can_be_revoked_again_after_it_came_back(registry: Registry):
    civil = registry.add("civil")
    registry.enrol(civil, "counter")
    registry.enrolments.revoke(NAME, "first time")
    new = registry.enrol(civil, "counter").leaf.certificate_pem
    registry.enrolments.revoke(NAME, "second time")
    assert code_of(registry.peers.admit, new) is Code.CERTIFICATE_REVOKED


def test_certificates_are_listed_with_their_standing_and_expired_ones_are_not(registry: Registry):
    civil, tax = registry.add("civil"), registry.add("tax")
    registry.enrol(civil, "old")
    registry.clock.advance(LIFE_S * 1000 + 1)
    counter, desk = registry.enrol(civil, "counter"), registry.enrol(tax, "desk")
    registry.enrolments.revoke(f"{desk.leaf.serial:x}", "lost")
    listed = registry.enrolments.certificates()
    assert [(entry.spiffe, entry.revoked) for entry in listed] == [
        (str(counter.spiffe), False),
        (str(desk.spiffe), True),
    ]
    assert [entry.department for entry in registry.enrolments.certificates("tax")] == ["tax"]
    assert listed[0].serial == f"{counter.leaf.serial:x}"


def test_the_deny_list_forgets_serials_only_a_day_after_they_expired(registry: Registry):
    civil = registry.add("civil")
    first, second = registry.enrol(civil, "counter"), registry.enrol(civil, "archive")
    registry.enrolments.revoke(f"{first.leaf.serial:x}", "lost")

    def denied() -> int:
        with registry.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(DENIALS)).scalar_one()

    registry.clock.advance(LIFE_S * 1000 + DAY_MS)
    registry.enrolments.revoke(f"{second.leaf.serial:x}", "lost too")
    assert denied() == 2
    registry.clock.advance(1001)
    registry.enrolments.revoke(f"{second.leaf.serial:x}", "lost too")
    assert denied() == 1
    assert code_of(registry.peers.admit, first.leaf.certificate_pem) is Code.CERTIFICATE_EXPIRED
