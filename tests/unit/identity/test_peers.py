import pytest
from sqlalchemy import update

from gateway.errors import Code, Refused
from gateway.identity.departments import standing_of
from gateway.identity.peers import Peers
from gateway.identity.tables import CERTIFICATES, DEPARTMENTS
from gateway.storage.database import write_transaction
from keys.certificates.authority import CertificateAuthority
from keys.certificates.spiffe import SpiffeId
from tests.support.parties import DOMAIN, LIFE_S, NOW_MS, Registry, new_csr


def code_of(call, *arguments) -> Code:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.code


def test_an_enrolled_system_is_admitted_under_its_spiffe_id(registry: Registry):
    issued = registry.enrol(registry.add("civil"), "counter")
    peer = registry.peers.admit(issued.leaf.certificate_pem)
    assert str(peer.spiffe) == f"spiffe://{DOMAIN}/department/civil/system/counter"
    assert (peer.department, peer.kind, peer.name) == ("civil", "system", "counter")
    assert (peer.serial, peer.not_after_ms) == (issued.leaf.serial, issued.leaf.not_after_ms)
    registry.peers.check(peer)


def test_being_admitted_again_gives_the_same_peer(registry: Registry):
    pem = registry.enrol(registry.add("civil"), "counter").leaf.certificate_pem
    assert registry.peers.admit(pem) is registry.peers.admit(pem)


@pytest.mark.parametrize("missing", [None, b""])
def test_nobody_is_admitted_without_a_certificate(registry: Registry, missing: bytes | None):
    assert code_of(registry.peers.admit, missing) is Code.CERTIFICATE_MISSING


@pytest.mark.parametrize("garbage", [b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"x" * 20_000])
def test_garbage_is_not_a_certificate(registry: Registry, garbage: bytes):
    assert code_of(registry.peers.admit, garbage) is Code.CERTIFICATE_UNKNOWN


def test_a_certificate_of_another_authority_is_not_admitted(registry: Registry):
    registry.enrol(registry.add("civil"), "counter")
    stranger = CertificateAuthority.create(DOMAIN, NOW_MS)
    name = SpiffeId(DOMAIN, "civil", "system", "counter")
    leaf = stranger.issue(new_csr(), name, now_ms=NOW_MS, lifetime_s=LIFE_S)
    assert code_of(registry.peers.admit, leaf.certificate_pem) is Code.CERTIFICATE_UNKNOWN


def test_a_certificate_that_our_authority_signed_but_nobody_registered_is_not_admitted(registry: Registry):
    registry.add("civil")
    name = SpiffeId(DOMAIN, "civil", "system", "counter")
    leaf = registry.authority.issue(new_csr(), name, now_ms=NOW_MS, lifetime_s=LIFE_S)
    assert code_of(registry.peers.admit, leaf.certificate_pem) is Code.CERTIFICATE_UNKNOWN


@pytest.mark.parametrize(
    "change", [{"spiffe": f"spiffe://{DOMAIN}/department/civil/system/other"}, {"key_digest": bytes(32)}]
)
def test_a_registered_serial_with_another_name_or_key_is_not_admitted(registry: Registry, change: dict):
    issued = registry.enrol(registry.add("civil"), "counter")
    with write_transaction(registry.engine) as connection:
        connection.execute(update(CERTIFICATES).values(**change))
    assert code_of(registry.peers.admit, issued.leaf.certificate_pem) is Code.CERTIFICATE_UNKNOWN


def test_a_certificate_of_another_trust_domain_is_not_admitted(registry: Registry):
    other = CertificateAuthority.create("elsewhere.test", NOW_MS)
    name = SpiffeId("elsewhere.test", "civil", "system", "counter")
    leaf = other.issue(new_csr(), name, now_ms=NOW_MS, lifetime_s=LIFE_S)
    assert code_of(registry.peers.admit, leaf.certificate_pem) is Code.CERTIFICATE_UNKNOWN


def test_the_gateway_itself_is_not_a_peer(registry: Registry):
    leaf = registry.authority.issue(
        new_csr(), SpiffeId(DOMAIN, "", "gateway", "gateway"), now_ms=NOW_MS, lifetime_s=LIFE_S, server=True
    )
    assert code_of(registry.peers.admit, leaf.certificate_pem) is Code.CERTIFICATE_UNKNOWN


def test_a_certificate_is_not_admitted_before_its_time(registry: Registry):
    pem = registry.enrol(registry.add("civil"), "counter").leaf.certificate_pem
    registry.clock.advance(-120_000)
    assert code_of(registry.peers.admit, pem) is Code.CERTIFICATE_UNKNOWN


def test_an_admitted_peer_passes_to_its_last_moment_and_not_beyond(registry: Registry):
    issued = registry.enrol(registry.add("civil"), "counter")
    peer = registry.peers.admit(issued.leaf.certificate_pem)
    registry.clock.at_ms = peer.not_after_ms
    registry.peers.check(peer)
    registry.clock.advance(1)
    assert code_of(registry.peers.check, peer) is Code.CERTIFICATE_EXPIRED
    assert code_of(registry.peers.admit, issued.leaf.certificate_pem) is Code.CERTIFICATE_EXPIRED


def test_a_revoked_serial_is_refused_at_the_next_check_and_other_certificates_of_the_name_pass(registry: Registry):
    civil = registry.add("civil")
    first, second = registry.enrol(civil, "counter"), registry.enrol(civil, "counter")
    peer, other = (registry.peers.admit(issued.leaf.certificate_pem) for issued in (first, second))
    registry.enrolments.revoke(f"{first.leaf.serial:x}", "lost laptop")
    assert code_of(registry.peers.check, peer) is Code.CERTIFICATE_REVOKED
    assert code_of(registry.peers.admit, first.leaf.certificate_pem) is Code.CERTIFICATE_REVOKED
    registry.peers.check(other)


def test_a_revoked_name_is_refused_with_all_its_certificates_and_other_names_pass(registry: Registry):
    civil = registry.add("civil")
    certificates = [registry.enrol(civil, "counter").leaf.certificate_pem for _ in range(2)]
    bystander = registry.peers.admit(registry.enrol(civil, "archive").leaf.certificate_pem)
    registry.enrolments.revoke(f"spiffe://{DOMAIN}/department/civil/system/counter", "decommissioned")
    assert [code_of(registry.peers.admit, pem) for pem in certificates] == [Code.CERTIFICATE_REVOKED] * 2
    registry.peers.check(bystander)


def test_peers_of_a_revoked_department_are_refused_and_others_pass(registry: Registry):
    peer = registry.peers.admit(registry.enrol(registry.add("civil"), "counter").leaf.certificate_pem)
    bystander = registry.peers.admit(registry.enrol(registry.add("tax"), "counter").leaf.certificate_pem)
    registry.departments.revoke("civil", "closed")
    assert code_of(registry.peers.check, peer) is Code.DEPARTMENT_REVOKED
    registry.peers.check(bystander)


def test_a_peer_whose_department_is_gone_from_the_register_is_refused(registry: Registry):
    peer = registry.peers.admit(registry.enrol(registry.add("civil"), "counter").leaf.certificate_pem)
    with write_transaction(registry.engine) as connection:
        connection.execute(DEPARTMENTS.delete())
    registry.add("tax")
    assert code_of(registry.peers.check, peer) is Code.CERTIFICATE_UNKNOWN


def test_nobody_passes_while_the_deny_list_cannot_be_read(registry: Registry):
    peer = registry.peers.admit(registry.enrol(registry.add("civil"), "counter").leaf.certificate_pem)
    with write_transaction(registry.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE identity_epoch RENAME TO away")
    assert code_of(registry.peers.check, peer) is Code.INTERNAL
    with write_transaction(registry.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO identity_epoch")
    registry.peers.check(peer)


def test_more_certificates_than_are_remembered_are_still_admitted(registry: Registry):
    peers = Peers(registry.engine, registry.clock, standing_of(registry.engine), DOMAIN, remember=1)
    civil = registry.add("civil")
    issued = [registry.enrol(civil, name).leaf.certificate_pem for name in ("one", "two", "three")]
    assert [peers.admit(pem).name for pem in (*issued, *issued)] == ["one", "two", "three"] * 2
