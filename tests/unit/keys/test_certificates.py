from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keys.certificates.authority import CertificateAuthority, certificate_fingerprint
from keys.certificates.csr import csr_public_key, make_csr, new_tls_key
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate
from tests.unit.keys.conftest import NOW_MS

NODE = SpiffeId.parse("spiffe://gov.example/department/civil/node/n1")
KEY = new_tls_key()
CSR = make_csr(KEY)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("spiffe://gov.example/department/civil/node/n1", ("gov.example", "civil", "node", "n1")),
        ("spiffe://gov.example/department/tax-2/system/desk.a_b-1", ("gov.example", "tax-2", "system", "desk.a_b-1")),
        ("spiffe://gov.example/gateway/main", ("gov.example", "", "gateway", "main")),
    ],
)
def test_a_spiffe_id_reads_back_as_itself(text, parts):
    parsed = SpiffeId.parse(text)
    assert (parsed.trust_domain, parsed.department, parsed.kind, parsed.name) == parts
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gov.example/department/civil/node/n1",
        "https://gov.example/department/civil/node/n1",
        "SPIFFE://gov.example/department/civil/node/n1",
        "spiffe://Gov.example/department/civil/node/n1",
        "spiffe://gov.example:443/department/civil/node/n1",
        "spiffe:///department/civil/node/n1",
        "spiffe://gov.example/department/Civil/node/n1",
        "spiffe://gov.example/department/civil/gateway/n1",
        "spiffe://gov.example/department//node/n1",
        "spiffe://gov.example/department/civil/node/",
        "spiffe://gov.example/department/civil/node/n1/",
        "spiffe://gov.example/department/civil/node/n1/more",
        "spiffe://gov.example/department/civil/node/..",
        "spiffe://gov.example/department/civil/node/n1?x",
        "spiffe://gov.example/department/civil/node/n1#x",
        "spiffe://gov.example/department/civil/node/n%31",
        "spiffe://gov.example/department/civil/node/n1\n",
        "spiffe://gov.example/department/民政/node/n1",
        "spiffe://gov.example/gateway/main/node/n1",
        "spiffe://gov.example/department/" + "a" * 64 + "/node/n1",
        "spiffe://" + "a" * 3000 + "/gateway/main",
    ],
)
def test_anything_else_is_no_spiffe_id(text):
    with pytest.raises(BadCertificate):
        SpiffeId.parse(text)


def test_a_spiffe_id_cannot_be_made_of_parts_that_would_read_as_another():
    for parts in (
        ("gov.example", "a/node/b", "node", "n"),
        ("gov.example", "", "node", "n"),
        ("x", "a", "gateway", "n"),
    ):
        with pytest.raises(BadCertificate):
            SpiffeId(*parts)


def _issue(authority, csr=CSR, spiffe=NODE, **options):
    return authority.issue(csr, spiffe, **{"now_ms": NOW_MS, "lifetime_s": 3600, **options})


def test_a_leaf_says_who_and_until_when(authority):
    leaf = _issue(authority)
    peer = peer_from_pem(leaf.certificate_pem)
    assert peer.spiffe == NODE
    assert peer.serial == leaf.serial
    assert (peer.not_before_ms, peer.not_after_ms) == (leaf.not_before_ms, leaf.not_after_ms)
    assert (leaf.not_before_ms, leaf.not_after_ms) == (NOW_MS - 60_000, NOW_MS + 3_600_000)
    assert peer.public_key_der == csr_public_key(CSR)


def test_a_leaf_is_a_client_and_only_on_demand_a_server(authority):
    for server in (False, True):
        leaf = x509.load_pem_x509_certificate(_issue(authority, server=server).certificate_pem)
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert ExtendedKeyUsageOID.CLIENT_AUTH in uses
        assert (ExtendedKeyUsageOID.SERVER_AUTH in uses) == server
        assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
        assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_an_independent_verifier_accepts_the_chain(authority):
    pem = _issue(
        authority,
        spiffe=SpiffeId.parse("spiffe://gov.example/gateway/main"),
        server=True,
        dns_names=["gateway.example"],
        ip_addresses=["127.0.0.1", "::1"],
    ).certificate_pem
    leaf = x509.load_pem_x509_certificate(pem)
    root = x509.load_pem_x509_certificate(authority.certificate_pem)
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gateway.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1"), ip_address("::1")]
    root_keys = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == root_keys


def test_names_in_the_signing_request_are_ignored(authority):
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "spiffe://gov.example/gateway/main")]))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://gov.example/gateway/main")]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    pem = _issue(authority, forged).certificate_pem
    assert peer_from_pem(pem).spiffe == NODE
    assert len(x509.load_pem_x509_certificate(pem).subject) == 0


def _request(key, algorithm=None):
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "csr",
    [
        b"",
        CSR[:-1],
        CSR[:-3] + bytes([CSR[-3] ^ 1]) + CSR[-2:],
        _request(ed25519.Ed25519PrivateKey.generate()),
        _request(ec.generate_private_key(ec.SECP384R1()), hashes.SHA256()),
        _request(rsa.generate_private_key(public_exponent=65537, key_size=2048), hashes.SHA256()),
    ],
    ids=["empty", "truncated", "not signed by its key", "ed25519", "p384", "rsa"],
)
def test_only_sound_p256_requests_are_answered(authority, csr):
    with pytest.raises(BadCertificate):
        _issue(authority, csr)


def test_a_leaf_never_outlives_its_authority_and_is_never_issued_outside_its_time(authority):
    short = CertificateAuthority.create("gov.example", NOW_MS, lifetime_days=1)
    leaf = _issue(short, lifetime_s=10 * 86_400)
    assert leaf.not_after_ms == NOW_MS - 60_000 + 86_400_000
    assert _issue(short, now_ms=NOW_MS - 30_000).not_before_ms == NOW_MS - 60_000
    for moment in (NOW_MS - 120_000, NOW_MS + 86_400_000):
        with pytest.raises(BadCertificate):
            _issue(short, now_ms=moment)


def test_an_authority_issues_for_its_own_trust_domain_and_positive_times_only(authority):
    with pytest.raises(BadCertificate):
        _issue(authority, spiffe=SpiffeId.parse("spiffe://other.example/department/civil/node/n1"))
    with pytest.raises(BadCertificate):
        _issue(authority, lifetime_s=0)


def test_malformed_host_names_and_addresses_are_refused(authority):
    for names in ({"dns_names": ["例.example"]}, {"ip_addresses": ["localhost"]}):
        with pytest.raises(BadCertificate):
            _issue(authority, **names)


def test_serials_do_not_repeat(authority):
    assert len({_issue(authority).serial for _ in range(5)}) == 5


def test_an_authority_survives_being_written_and_read(authority):
    again = CertificateAuthority.from_pem(authority.key_pem, authority.certificate_pem)
    assert (again.fingerprint, again.trust_domain) == (authority.fingerprint, "gov.example")
    assert certificate_fingerprint(authority.certificate_pem) == authority.fingerprint
    assert repr(again) == f"CertificateAuthority({authority.fingerprint})"
    _issue(again)


def test_an_authority_needs_its_own_key_and_an_authoritys_certificate(authority):
    leaf = _issue(authority)
    for key, certificate in (
        (new_tls_key(), authority.certificate_pem),
        (KEY, leaf.certificate_pem),
        (b"", authority.certificate_pem),
        (authority.key_pem, b""),
        (authority.key_pem, _made(x509.BasicConstraints(ca=True, path_length=0), [], key_pem=authority.key_pem)),
        (authority.key_pem, _made(None, [], key_pem=authority.key_pem)),
    ):
        with pytest.raises(BadCertificate):
            CertificateAuthority.from_pem(key, certificate)


@pytest.mark.parametrize(("domain", "days"), [("Gov.example", 1), ("", 1), ("gov.example/x", 1), ("gov.example", 0)])
def test_a_malformed_authority_is_not_created(domain, days):
    with pytest.raises(BadCertificate):
        CertificateAuthority.create(domain, NOW_MS, days)


def _made(constraints, uris, key_pem=None, key=None, common_name=None) -> bytes:
    """A self-signed certificate with whatever a test wants in it."""
    if key is None:
        key = serialization.load_pem_private_key(key_pem or KEY, None)
    names = [] if common_name is None else [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    builder = (
        x509.CertificateBuilder(x509.Name(names), x509.Name(names), key.public_key())
        .serial_number(7)
        .not_valid_before(_moment(NOW_MS))
        .not_valid_after(_moment(NOW_MS) + timedelta(days=1))
    )
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    if uris is not None:
        general = [x509.UniformResourceIdentifier(uri) for uri in uris] or [x509.DNSName("gov.example")]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


END = x509.BasicConstraints(ca=False, path_length=None)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        _made(END, None),
        _made(END, [], common_name=str(NODE)),
        _made(END, [str(NODE), "spiffe://gov.example/gateway/main"]),
        _made(END, [str(NODE), str(NODE)]),
        _made(END, ["https://gov.example/"]),
        _made(None, [str(NODE)]),
        _made(x509.BasicConstraints(ca=True, path_length=0), [str(NODE)]),
        _made(END, [str(NODE)], key=ed25519.Ed25519PrivateKey.generate()),
        _made(END, [str(NODE)], key=ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=[
        "empty",
        "rubbish",
        "no names",
        "only a common name",
        "two names",
        "the same name twice",
        "another kind of URI",
        "no constraints",
        "an authority",
        "ed25519",
        "p384",
    ],
)
def test_a_peer_is_known_by_exactly_one_spiffe_id(pem):
    with pytest.raises(BadCertificate):
        peer_from_pem(pem)


def test_a_peers_certificate_is_parsed_once(authority):
    pem = _issue(authority).certificate_pem
    assert peer_from_pem(pem) is peer_from_pem(bytes(bytearray(pem)))


def test_a_tls_key_must_be_plain_p256():
    for pem in (
        b"",
        serialization.load_pem_private_key(KEY, None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        ),
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    ):
        with pytest.raises(BadCertificate):
            make_csr(pem)


def test_a_fingerprint_is_of_exactly_one_certificate(authority):
    for pem in (b"", authority.certificate_pem * 2):
        with pytest.raises(BadCertificate):
            certificate_fingerprint(pem)


def test_the_library_path_builder_accepts_the_leaf_as_a_client(authority):
    root = x509.load_pem_x509_certificate(authority.certificate_pem)
    leaf = x509.load_pem_x509_certificate(_issue(authority).certificate_pem)
    policy = verification.PolicyBuilder().store(verification.Store([root])).time(_moment(NOW_MS))
    verified = policy.build_client_verifier().verify(leaf, [])
    assert [name.value for name in verified.subjects or []] == [str(NODE)]
