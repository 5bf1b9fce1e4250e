"""Two processes of one gateway as far as rules are concerned, over one database of each kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from gateway.audit.entries import Json
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.exchange.examine_bundle import examined
from gateway.exchange.policy_desk import BundleState, PolicyDesk
from gateway.exchange.policy_log import PolicyLog
from gateway.exchange.record import Record
from gateway.identity.departments import Departments, standing_of
from gateway.identity.people import People
from gateway.policy.active import ActiveBundle
from gateway.policy.bundles import Bundles
from gateway.storage.database import open_database, write_transaction
from policies.engine import PolicyEngine
from policies.engine.bundle import PACKAGED, digest_of, load_bundle
from policies.purposes import Purposes
from tests.support.ledgers import NOW_MS, make_ledger
from tests.support.parties import ManualClock
from tests.unit.identity.tokens import SUBJECT_KEY, Provider

_REPORTS: dict[tuple[str, Purposes], dict[str, Json]] = {}


def once_examined(files: Mapping[str, bytes], tables: Mapping[str, bytes], purposes: Purposes) -> dict[str, Json]:
    """The real examination, of each bundle once for all tests: linting takes a second."""
    key = digest_of(files), purposes
    if key not in _REPORTS:
        _REPORTS[key] = examined(files, tables, purposes)
    return _REPORTS[key]


@dataclass
class Process:
    """One process: the desk at which people take the steps, and the bundle that requests are decided by here."""

    engine: Engine
    ledger: SqlLedger
    active: ActiveBundle
    log: PolicyLog
    bundles: Bundles
    desk: PolicyDesk
    provider: Provider

    def token(self, who: str, role: str = "operator") -> str:
        """The header of somebody with a role."""
        return f"Bearer {self.provider.token(sub=who, roles=[role])}"

    async def propose(self, files: Mapping[str, bytes], who: str = "ada", role: str = "operator") -> BundleState:
        """Hand in a bundle without tables."""
        return await self.desk.propose(self.token(who, role), files, {})

    async def approve(self, digest: str, who: str = "grace", role: str = "operator") -> BundleState:
        """Agree to a bundle."""
        return await self.desk.approve(self.token(who, role), digest)

    async def activate(self, digest: str, who: str = "ada", role: str = "operator") -> BundleState:
        """Put a bundle in force."""
        return await self.desk.activate(self.token(who, role), digest)

    async def put_in_force(self, files: Mapping[str, bytes]) -> str:
        """Take a bundle through all three steps; its digest."""
        digest = (await self.propose(files)).stored.digest
        await self.approve(digest)
        return (await self.activate(digest)).stored.digest

    def steps(self) -> list[LogEntry]:
        """What the log says about bundles, oldest first."""
        entries = [self.ledger.entry(index) for index in range(self.ledger.size())]
        return [entry for entry in entries if entry.kind.startswith("policy_")]


@dataclass
class Opener:
    """Opens processes over one database."""

    url: str
    provider: Provider
    clock: ManualClock
    opened: list[Process]

    def __call__(self) -> Process:
        """Another process."""
        engine = open_database(self.url)
        ledger = make_ledger(engine, self.clock)  # type: ignore[arg-type]
        ledger.start()
        bundles, log = Bundles(engine, self.clock), PolicyLog(ledger)
        active = ActiveBundle(engine, bundles, PolicyEngine(load_bundle(PACKAGED)), log.activated)
        roles = {"operator": "operator", "steward": "steward", "auditor": "auditor"}
        people = People([self.provider.issuer(roles=roles)], self.clock, SUBJECT_KEY)
        departments = Departments(engine, self.clock, standing_of(engine))
        desk = PolicyDesk(people, departments, bundles, active, log, Record(ledger), once_examined)
        process = Process(engine, ledger, active, log, bundles, desk, self.provider)
        self.opened.append(process)
        return process


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres])])
def open_process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens processes over a database in which nothing was decided about rules yet."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with write_transaction(engine) as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name.startswith(("audit_", "policy_")):
                connection.execute(table.delete())
    clock = ManualClock(NOW_MS)
    url = engine.url.render_as_string(hide_password=False)
    opener = Opener(url, Provider(tmp_path, clock), clock, [])
    standing = standing_of(engine)
    if "civil" not in standing.current().departments:
        Departments(engine, clock, standing).add("civil", "民政", "Civil", "sha256:" + "1" * 64)
    yield opener
    for process in opener.opened:
        process.ledger.stop()
        process.engine.dispose()


@pytest.fixture
def here(open_process: Opener) -> Process:
    """One process."""
    return open_process()


@pytest.fixture
def there(open_process: Opener) -> Process:
    """Another one over the same database."""
    return open_process()
