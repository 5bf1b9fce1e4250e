import pytest

from keys.certificates.authority import CertificateAuthority
from keys.key_certificates import KeyCertificate
from keys.sealing import SealingKey
from keys.signing import SigningKey

NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="session")
def department_key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(scope="session")
def sealing_key() -> SealingKey:
    return SealingKey.generate()


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create("gov.example", NOW_MS)


@pytest.fixture(scope="session")
def key_certificate(signing_key: SigningKey, sealing_key: SealingKey) -> KeyCertificate:
    return KeyCertificate(
        holder="spiffe://gov.example/department/civil/system/desk",
        department="civil",
        signing_key=signing_key.verify_key.der,
        sealing_key=sealing_key.public,
        not_before_ms=NOW_MS,
        not_after_ms=NOW_MS + 1000,
    )
