"""The parties of an exchange for tests of identity, catalogue and sharing: a registry on a real database, departments
with keys of their own, and the things they make: certified keys, signing requests, agreements, descriptions.

`Registry.elsewhere()` is the same database seen through another engine, as another process sees it.
"""

import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from gateway.catalog.catalog import Catalog
from gateway.identity.departments import Departments, standing_of
from gateway.identity.enrolments import Enrolments, IssuedIdentity, Place
from gateway.identity.peers import Peers
from gateway.storage.database import open_database
from keys.certificates.authority import CertificateAuthority
from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.spiffe import Kind, SpiffeId
from keys.key_certificates import CertifiedKeys, KeyCertificate, certify
from keys.sealing import SealingKey
from keys.signing import AGREEMENT, SigningKey
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, Mask, SharingType

DOMAIN = "gov.test"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
LIFE_S = 3600

AGREEMENT_TEXT = """format = "oncegate.agreement/1"
id = "{id}"
revision = {revision}
provider = "{provider}"
provider_key = "{provider_key}"
consumer = "{consumer}"
consumer_key = "{consumer_key}"
systems = ["{system}"]
resource = "{resource}"
legal_basis = "mandate"
purposes = ["{purpose}"]
valid_from = {valid_from}
valid_until = {valid_until}
case_required = false
uses_per_day = {uses_per_day}
rate_per_minute = {rate_per_minute}

[[items]]
field = "{field}"
forms = ["masked", "value"]
"""


class ManualClock:
    """A clock that a test moves."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self.at_ms

    def monotonic_s(self) -> float:
        """Follows the wall clock."""
        return self.at_ms / 1000

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self.at_ms += ms


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        open_database(f"sqlite:///{path}").dispose()
        return path.read_bytes()


def new_database(folder: Path) -> str:
    """The URL of a new database with the whole schema; copied, because the migrations need a while."""
    path = folder / "gateway.db"
    path.write_bytes(_empty_database())
    return f"sqlite:///{path}"


@dataclass
class Department:
    """A department as it sees itself: it holds its own key."""

    id: str
    key: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def fingerprint(self) -> str:
        """Of its key."""
        return self.key.verify_key.fingerprint

    def certify(
        self, name: str, *, kind: Kind = "system", now_ms: int = NOW_MS, life_ms: int = 30 * DAY_MS
    ) -> CertifiedKeys:
        """Fresh keys for a node or system, certified by the department."""
        return certify(
            self.key,
            KeyCertificate(
                holder=str(SpiffeId(DOMAIN, self.id, kind, name)),
                department=self.id,
                signing_key=SigningKey.generate().verify_key.der,
                sealing_key=SealingKey.generate().public,
                not_before_ms=now_ms - 1000,
                not_after_ms=now_ms + life_ms,
            ),
        )


@dataclass
class Registry:
    """The register of members on one database."""

    url: str
    clock: ManualClock
    authority: CertificateAuthority
    engine: Engine
    life_s: int = LIFE_S
    tokens: int = 0

    def __post_init__(self) -> None:
        standing = standing_of(self.engine)
        self.departments = Departments(self.engine, self.clock, standing)
        self.peers = Peers(self.engine, self.clock, standing, DOMAIN)
        place = Place("127.0.0.1:7444", "127.0.0.1:7443", DOMAIN, self.life_s)
        self.enrolments = Enrolments(self.engine, self.authority, self.clock, self.departments, place, self._random)
        self.catalog = Catalog(self.engine, self.clock)

    @staticmethod
    def create(folder: Path) -> "Registry":
        """A registry on a database of its own."""
        url = new_database(folder)
        return Registry(url, ManualClock(), CertificateAuthority.create(DOMAIN, NOW_MS), open_database(url))

    def elsewhere(self) -> "Registry":
        """The same register in another process: nothing is shared but the database."""
        return replace(self, engine=open_database(self.url), tokens=self.tokens + 1000)

    def close(self) -> None:
        """Give connections back."""
        self.engine.dispose()

    def add(self, department_id: str) -> Department:
        """A registered department."""
        department = Department(department_id)
        self.departments.add(
            department_id, f"部门 {department_id}", f"Department {department_id}", department.fingerprint
        )
        return department

    def token(self, department: Department, name: str, *, kind: Kind = "system", ttl_s: int = 600) -> str:
        """The secret of a new enrolment token."""
        return self.enrolments.issue(department.id, kind, name, ttl_s).secret

    def enrol(self, department: Department, name: str, *, kind: Kind = "system") -> IssuedIdentity:
        """A member from token to certificate."""
        secret = self.token(department, name, kind=kind)
        keys = department.certify(name, kind=kind, now_ms=self.clock.now_ms())
        return self.enrolments.enrol(secret, new_csr(), keys)

    def _random(self, size: int) -> bytes:
        # Not random at all: tests must not depend on chance.
        self.tokens += 1
        return self.tokens.to_bytes(size, "big")


def new_csr() -> bytes:
    """A signing request for a fresh key."""
    return make_csr(new_tls_key())


def moment(ms: int) -> str:
    """A moment as agreements write it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def agreement_text(provider: Department, consumer: Department, **changes: object) -> bytes:
    """An agreement file; `changes` replace its values."""
    values: dict[str, object] = {
        "id": "civil-desk-1",
        "revision": 1,
        "provider": provider.id,
        "provider_key": provider.fingerprint,
        "consumer": consumer.id,
        "consumer_key": consumer.fingerprint,
        "system": "counter",
        "resource": f"{provider.id}.resident",
        "purpose": "school_enrolment",
        "valid_from": moment(NOW_MS - DAY_MS),
        "valid_until": moment(NOW_MS + 30 * DAY_MS),
        "uses_per_day": 1000,
        "rate_per_minute": 600,
        "field": "name",
    }
    return AGREEMENT_TEXT.format(**values | changes).encode()


def signed(provider: Department, raw: bytes) -> tuple[bytes, bytes, bytes]:
    """What a provider sends in: the file, its signature, its key."""
    return raw, provider.key.sign(AGREEMENT, raw), provider.key.verify_key.der


def description(code: str, provider: str, **changes: object) -> ResourceDescription:
    """A resource with one field."""
    name = FieldDescription(
        code="name",
        name_zh="姓名",
        name_en="Name",
        data_type=DataType.STRING,
        classification=Classification.CONFIDENTIAL,
        forms=frozenset({Form.VALUE, Form.MASKED, Form.EXISTS}),
        mask=Mask.NAME,
    )
    plain = ResourceDescription(
        code=code,
        name_zh="居民基本信息",
        name_en="Residents",
        provider=provider,
        abstract_zh="户籍居民的基本信息",
        abstract_en="Basic facts about registered residents",
        classification=Classification.CONFIDENTIAL,
        sharing_type=SharingType.CONDITIONAL,
        sharing_terms="For the tasks that an agreement names",
        update_cycle="P1D",
        subject_schemes=("cn.resident-id",),
        unlisted=False,
        fields=(name,),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
