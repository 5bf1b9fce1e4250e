import threading

import pytest
from sqlalchemy import select

from gateway.errors import Code, Refused
from gateway.identity.enrolments import LONGEST_TOKEN_S, SHORTEST_TOKEN_S
from gateway.identity.tables import CERTIFICATES, ENROLMENT_TOKENS
from keys.certificates.csr import make_csr, new_tls_key
from keys.enrolment_token import EnrolmentToken
from keys.key_certificates import CertifiedKeys
from tests.support.parties import DAY_MS, DOMAIN, LIFE_S, Department, Registry, new_csr

NAME = f"spiffe://{DOMAIN}/department/civil/system/counter"


def refusal(call, *arguments) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value


def test_a_token_survives_its_journey_and_says_who_and_where(registry: Registry):
    registry.add("civil")
    token = EnrolmentToken.decode(registry.enrolments.issue("civil", "node", "n1", 600).encode())
    assert str(token.spiffe) == f"spiffe://{DOMAIN}/department/civil/node/n1"
    assert token.ca_pem == registry.authority.certificate_pem
    assert token.not_after_ms == registry.clock.now_ms() + 600_000


def test_the_secret_of_a_token_is_not_in_the_database(registry: Registry, tmp_path):
    secret = registry.token(registry.add("civil"), "counter")
    registry.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert NAME.encode() in content  # The search would find it.
    assert secret.encode() not in content


@pytest.mark.parametrize(
    ("kind", "name", "ttl_s", "field"),
    [
        ("gateway", "counter", 600, "kind"),
        ("person", "counter", 600, "kind"),
        ("system", "Counter", 600, "name"),
        ("system", "a/b", 600, "name"),
        ("system", "", 600, "name"),
        ("system", "counter", SHORTEST_TOKEN_S - 1, "ttl_s"),
        ("system", "counter", LONGEST_TOKEN_S + 1, "ttl_s"),
    ],
)
def test_a_token_that_breaks_a_rule_is_not_issued(registry: Registry, kind: str, name: str, ttl_s: int, field: str):
    registry.add("civil")
    refused = refusal(registry.enrolments.issue, "civil", kind, name, ttl_s)
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, field)


def test_no_token_for_an_unknown_or_a_revoked_department(registry: Registry):
    assert refusal(registry.enrolments.issue, "civil", "node", "n1", 600).code is Code.DEPARTMENT_UNKNOWN
    registry.add("civil")
    registry.departments.revoke("civil", "closed")
    assert refusal(registry.enrolments.issue, "civil", "node", "n1", 600).code is Code.DEPARTMENT_REVOKED


def test_enrolling_gives_a_certificate_for_the_name_in_the_token_and_the_configured_life(registry: Registry):
    issued = registry.enrol(registry.add("civil"), "counter")
    assert str(issued.spiffe) == NAME
    assert issued.leaf.not_after_ms == registry.clock.now_ms() + LIFE_S * 1000
    assert str(registry.peers.admit(issued.leaf.certificate_pem).spiffe) == NAME


def test_a_token_is_redeemed_once(registry: Registry):
    civil = registry.add("civil")
    secret = registry.token(civil, "counter")
    registry.enrolments.enrol(secret, new_csr(), civil.certify("counter"))
    refused = refusal(registry.enrolments.enrol, secret, new_csr(), civil.certify("counter"))
    assert (refused.code, refused.detail) == (Code.BAD_TOKEN, "used")


@pytest.mark.parametrize("secret", ["A" * 43, "", "x" * 129, "密" * 20])
def test_a_forged_token_is_refused(registry: Registry, secret: str):
    civil = registry.add("civil")
    registry.token(civil, "counter")
    assert refusal(registry.enrolments.enrol, secret, new_csr(), civil.certify("counter")).code is Code.BAD_TOKEN


def test_from_outside_an_unknown_token_and_a_used_one_look_alike(registry: Registry):
    civil = registry.add("civil")
    secret = registry.token(civil, "counter")
    registry.enrolments.enrol(secret, new_csr(), civil.certify("counter"))
    used = refusal(registry.enrolments.enrol, secret, new_csr(), civil.certify("counter"))
    unknown = refusal(registry.enrolments.enrol, "A" * 43, new_csr(), civil.certify("counter"))
    assert (used.code, used.public, used.violations) == (unknown.code, unknown.public, unknown.violations)
    assert used.detail != unknown.detail


def test_a_token_is_good_to_its_last_moment_and_not_beyond(registry: Registry):
    civil = registry.add("civil")
    first, second = registry.token(civil, "counter"), registry.token(civil, "counter")
    registry.clock.advance(600_000)
    registry.enrolments.enrol(first, new_csr(), civil.certify("counter"))
    registry.clock.advance(1)
    assert refusal(registry.enrolments.enrol, second, new_csr(), civil.certify("counter")).code is Code.TOKEN_EXPIRED


def test_of_many_who_show_one_token_at_once_exactly_one_wins(registry: Registry):
    civil = registry.add("civil")
    secret = registry.token(civil, "counter")
    others = [registry, registry.elsewhere(), registry.elsewhere(), registry.elsewhere()]
    start = threading.Barrier(len(others))
    outcomes: list[str] = []

    def attempt(gateway: Registry, csr: bytes, keys: CertifiedKeys) -> None:
        start.wait()
        try:
            gateway.enrolments.enrol(secret, csr, keys)
            outcomes.append("won")
        except Refused as refused:
            outcomes.append(str(refused.code))

    threads = [
        threading.Thread(target=attempt, args=(gateway, new_csr(), civil.certify("counter"))) for gateway in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for gateway in others[1:]:
        gateway.close()
    assert sorted(outcomes) == [*["BAD_TOKEN"] * 3, "won"]
    assert len(registry.enrolments.certificates()) == 1


def test_a_failed_attempt_leaves_the_token_as_it_was(registry: Registry):
    civil = registry.add("civil")
    secret = registry.token(civil, "counter")
    for csr, keys in [(b"garbage", civil.certify("counter")), (new_csr(), civil.certify("other"))]:
        refusal(registry.enrolments.enrol, secret, csr, keys)
    assert str(registry.enrolments.enrol(secret, new_csr(), civil.certify("counter")).spiffe) == NAME


@pytest.mark.parametrize("csr", [b"", b"garbage", b"x" * 9000, "flipped"])
def test_a_signing_request_that_does_not_hold_is_refused(registry: Registry, csr: bytes | str):
    civil = registry.add("civil")
    if isinstance(csr, str):
        good = new_csr()
        csr = good[:-1] + bytes([good[-1] ^ 1])
    secret = registry.token(civil, "counter")
    refused = refusal(registry.enrolments.enrol, secret, csr, civil.certify("counter"))
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "csr")


def impostor_keys(civil: Department, registry: Registry) -> dict[str, CertifiedKeys]:
    now = registry.clock.now_ms()
    good = civil.certify("counter")
    return {
        "certified by a key nobody registered": Department("civil").certify("counter"),
        "certified by another department for itself": registry.add("tax").certify("counter"),
        "for another name": civil.certify("archive"),
        "for a node of that name": civil.certify("counter", kind="node"),
        "expired": civil.certify("counter", now_ms=now - 60 * DAY_MS),
        "not yet valid": civil.certify("counter", now_ms=now + DAY_MS),
        "with a changed body": CertifiedKeys(good.body.replace(b"1", b"2"), good.signature, good.department_key),
        "with a signature by another key under the registered key's name": CertifiedKeys(
            good.body, Department("civil").certify("counter").signature, good.department_key
        ),
        "empty": CertifiedKeys(b"", b"", b""),
    }


@pytest.mark.parametrize("index", range(9))
def test_keys_that_the_department_did_not_certify_for_this_name_are_refused(registry: Registry, index: int):
    civil = registry.add("civil")
    keys = list(impostor_keys(civil, registry).values())[index]
    secret = registry.token(civil, "counter")
    assert refusal(registry.enrolments.enrol, secret, new_csr(), keys).code is Code.BAD_KEY_CERTIFICATE
    assert registry.enrolments.certificates() == ()


def test_nobody_enrols_for_a_department_without_a_registered_key(registry: Registry):
    civil = Department("civil")
    registry.departments.add("civil", "民政局", "Civil affairs")
    secret = registry.token(civil, "counter")
    refused = refusal(registry.enrolments.enrol, secret, new_csr(), civil.certify("counter"))
    assert refused.code is Code.BAD_KEY_CERTIFICATE


def test_nobody_enrols_for_a_department_that_was_revoked_after_the_token_was_issued(registry: Registry):
    civil = registry.add("civil")
    secret = registry.token(civil, "counter")
    registry.departments.revoke("civil", "closed")
    refused = refusal(registry.enrolments.enrol, secret, new_csr(), civil.certify("counter"))
    assert refused.code is Code.DEPARTMENT_REVOKED


def test_a_tls_key_is_certified_once(registry: Registry):
    civil = registry.add("civil")
    csr = make_csr(new_tls_key())
    registry.enrolments.enrol(registry.token(civil, "counter"), csr, civil.certify("counter"))
    second = registry.token(civil, "archive")
    refused = refusal(registry.enrolments.enrol, second, csr, civil.certify("archive"))
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "csr")
    with registry.engine.connect() as connection:
        assert connection.execute(select(ENROLMENT_TOKENS.c.closed_ms).order_by("issued_ms")).scalars().all()[-1] == 0


def test_renewing_keeps_the_name_and_the_old_certificate_until_it_expires(registry: Registry):
    issued = registry.enrol(registry.add("civil"), "counter")
    peer = registry.peers.admit(issued.leaf.certificate_pem)
    registry.clock.advance(LIFE_S * 500)
    renewed = registry.enrolments.renew(peer, new_csr())
    assert str(renewed.spiffe) == NAME
    assert renewed.leaf.not_after_ms == registry.clock.now_ms() + LIFE_S * 1000
    registry.peers.admit(renewed.leaf.certificate_pem)
    registry.peers.check(peer)
    with registry.engine.connect() as connection:
        renews = connection.execute(select(CERTIFICATES.c.renews).where(CERTIFICATES.c.renews != "")).scalars().all()
    assert renews == [f"{issued.leaf.serial:x}"]


def test_renewing_needs_a_new_key(registry: Registry):
    civil = registry.add("civil")
    csr = new_csr()
    issued = registry.enrolments.enrol(registry.token(civil, "counter"), csr, civil.certify("counter"))
    refused = refusal(registry.enrolments.renew, registry.peers.admit(issued.leaf.certificate_pem), csr)
    assert (refused.code, refused.violations[0].field) == (Code.BAD_REQUEST, "csr")


def test_renewing_with_new_keys_checks_them_like_an_enrolment(registry: Registry):
    civil = registry.add("civil")
    peer = registry.peers.admit(registry.enrol(civil, "counter").leaf.certificate_pem)
    assert refusal(registry.enrolments.renew, peer, new_csr(), civil.certify("other")).code is Code.BAD_KEY_CERTIFICATE
    registry.enrolments.renew(peer, new_csr(), civil.certify("counter"))


@pytest.mark.parametrize("target", ["serial", "name", "department"])
def test_whoever_is_revoked_does_not_renew(registry: Registry, target: str):
    issued = registry.enrol(registry.add("civil"), "counter")
    peer = registry.peers.admit(issued.leaf.certificate_pem)
    if target == "department":
        registry.departments.revoke("civil", "closed")
    else:
        registry.enrolments.revoke(NAME if target == "name" else f"{issued.leaf.serial:x}", "lost")
    expected = Code.DEPARTMENT_REVOKED if target == "department" else Code.CERTIFICATE_REVOKED
    assert refusal(registry.enrolments.renew, peer, new_csr()).code is expected


def test_a_peer_that_renews_in_a_loop_is_stopped(registry: Registry):
    peer = registry.peers.admit(registry.enrol(registry.add("civil"), "counter").leaf.certificate_pem)
    for _ in range(7):
        registry.enrolments.renew(peer, new_csr())
    refused = refusal(registry.enrolments.renew, peer, new_csr())
    assert refused.code is Code.OVERLOADED
    assert refused.retry_after_ms is not None
    registry.clock.advance(LIFE_S * 1000 + 1)
    registry.enrolments.renew(peer, new_csr())
