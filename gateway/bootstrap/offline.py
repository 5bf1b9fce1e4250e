"""The parts of a gateway that do not serve: what the operator's commands work with, beside a running gateway or alone.

Every change goes through the same use cases and onto the same ledger as in the running gateway, which sees it at its
next call.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from gateway.audit.bodies import Bodies, LedgerKeys
from gateway.audit.epochs import Lineage, read_lineage
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.bootstrap import secrets as names
from gateway.bootstrap.purposes import purposes_of
from gateway.bootstrap.restored import held, read_mark, require_complete
from gateway.bootstrap.retention_rule import rule_of
from gateway.bootstrap.secrets import Secrets, epoch_signer, open_secrets
from gateway.bootstrap.witnessing import witnessing_of
from gateway.catalog.catalog import Catalog
from gateway.catalog.search import Search
from gateway.catalog.versions import Versions
from gateway.clock import Clock, SystemClock
from gateway.exchange.browsing import Browsing
from gateway.exchange.membership import Membership
from gateway.exchange.publish import Publish
from gateway.identity.departments import Departments, standing_of
from gateway.identity.enrolments import Enrolments, Place
from gateway.identity.peers import Peers
from gateway.rpc import codec
from gateway.settings import Settings
from gateway.sharing.agreements import Agreements
from gateway.sharing.proposals import Proposals
from gateway.storage.database import open_database
from gateway.vault import data_keys
from keys.certificates.authority import CertificateAuthority
from keys.errors import KeyringOutdated
from keys.keyring.keyring import Keyring
from policies.purposes import Purposes

LEDGER_ANCHOR = "ledger-anchor"
# Entries looked at when a keyring is opened: years of rotations.
_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Offline:
    """A gateway's parts without its doors."""

    settings: Settings
    secrets: Secrets
    clock: Clock
    engine: Engine
    ledger: SqlLedger
    departments: Departments
    peers: Peers
    enrolments: Enrolments
    catalog: Catalog
    agreements: Agreements
    proposals: Proposals
    membership: Membership
    purposes: Purposes
    publish: Publish
    browsing: Browsing

    @property
    def authority(self) -> CertificateAuthority:
        """The built-in certificate authority."""
        return self.secrets.authority

    @property
    def ledger_key(self) -> str:
        """The verifier key of the ledger's newest epoch, C2SP text."""
        return self.secrets.note_signer.vkey


def compose(settings: Settings, clock: Clock, opened: Secrets | None = None) -> Offline:
    """Open keyring and database and wire the parts.

    Args:
        settings: The gateway's settings.
        clock: Tells the time.
        opened: The secrets, when they were opened another way.

    Raises:
        KeysError: The keyring does not open, or is older than the ledger says.
        GatewayError: The database does not open safely, or the home was not completely restored from a backup.
    """
    require_complete(settings.home)
    purposes = purposes_of(settings)
    # A rule that keeps entries for too short a time is told now, and not only when somebody prunes.
    rule_of(settings)
    opened = opened or open_secrets(settings)
    engine = open_database(settings.database_url)
    standing = standing_of(engine)
    departments = Departments(engine, clock, standing)
    peers = Peers(engine, clock, standing, settings.trust_domain)
    place = Place(
        gateway=settings.listen.people_address or settings.listen.people,
        systems=settings.listen.systems_address or settings.listen.systems,
        trust_domain=settings.trust_domain,
        certificate_life_s=settings.certificates.leaf_s,
    )
    enrolments = Enrolments(engine, opened.authority, clock, departments, place, secrets.token_bytes)
    catalog = Catalog(engine, clock)
    agreements = Agreements(engine, departments, clock, catalog.provider_of, catalog.described, purposes)
    try:
        lineage = lineage_of(engine, opened, settings)
        if lineage.key:
            signer = epoch_signer(opened.keyring, lineage.number, lineage.key)
            opened = replace(opened, note_signer=signer)
        ledger = new_ledger(settings, engine, opened, clock, lineage)
        refuse_outdated(engine, ledger, opened.keyring)
    except BaseException:
        engine.dispose()
        raise
    return Offline(
        settings=settings,
        secrets=opened,
        clock=clock,
        engine=engine,
        ledger=ledger,
        departments=departments,
        peers=peers,
        enrolments=enrolments,
        catalog=catalog,
        agreements=agreements,
        purposes=purposes,
        proposals=Proposals(engine, agreements, settings.agreements, clock),
        membership=Membership(departments, enrolments, peers, agreements, ledger),
        publish=Publish(catalog, ledger),
        browsing=Browsing(catalog, Versions(engine), Search(engine), agreements, clock),
    )


def lineage_of(engine: Engine, opened: Secrets, settings: Settings) -> Lineage:
    """The epochs of the stored log.

    Raises:
        LedgerCorrupt: What the log says of them is not sound.
    """
    with engine.connect() as connection:
        return read_lineage(connection, Bodies(ledger_keys(opened), settings.log_origin), settings.log_origin)


def new_ledger(settings: Settings, engine: Engine, opened: Secrets, clock: Clock, lineage: Lineage) -> SqlLedger:
    """The access log in its newest epoch, held back when it was restored and must not go on as it is."""
    mark, custodians = read_mark(settings.home), bool(settings.custodians.keys)
    return SqlLedger(
        engine,
        ledger_keys(opened),
        settings.log_origin,
        clock,
        codec.promise,
        settings.home / LEDGER_ANCHOR,
        witnessing=witnessing_of(settings, opened.note_signer.vkey),
        lineage=lineage,
        held=held(mark, lineage.begins, custodians=custodians),
    )


def ledger_keys(opened: Secrets) -> LedgerKeys:
    """The log's secrets out of the keyring.

    Raises:
        KeysError: One is missing.
    """
    keyring = opened.keyring
    return LedgerKeys(
        accountability=_by_version(keyring, names.LEDGER_ACCOUNTABILITY),
        person=_by_version(keyring, names.LEDGER_PERSON),
        person_token=keyring.get(names.LEDGER_PERSON_TOKEN),
        promise=opened.promise_key,
        note=opened.note_signer,
    )


def refuse_outdated(engine: Engine, ledger: SqlLedger, keyring: Keyring) -> None:
    """Refuse a keyring from before a rotation or retirement that database or ledger remember.

    The keyring itself cannot say that it is an older copy. Fails closed: with it the gateway would wrap new data keys
    under a key that was destroyed everywhere else, and a new version would take the number of one that is in use.

    Raises:
        KeyringOutdated: The keyring is older than what is recorded.
    """
    with engine.connect() as connection:
        needed = {names.VAULT_KEK: data_keys.newest_version(connection)}
    for kind, fact in ((Kind.KEY_RETIRED, "below"), (Kind.KEY_ROTATED, "version")):
        for entry in ledger.entries(kind=kind, limit=_REMEMBERED).entries:
            said = entry.account
            # A rotation that did not finish may have written its entry and then no keyring.
            if kind is Kind.KEY_RETIRED or said.get("finished") is True:
                name = str(said.get("name"))
                needed[name] = max(needed.get(name, 0), int(said.get(fact, 0)))
    for name, version in needed.items():
        known = keyring.versions(name)
        if known and known[-1] < version:
            raise KeyringOutdated("the keyring is older than what is recorded")


def _by_version(keyring: Keyring, name: str) -> dict[int, bytes]:
    return {version: keyring.get(name, version) for version in keyring.versions(name)}


@contextmanager
def open_offline(home: Path) -> Iterator[Offline]:
    """Open a gateway's parts for a command and close them after it.

    Raises:
        BadSettings: The settings cannot be used.
        KeysError: The keyring does not open.
        GatewayError: The database does not open safely.
    """
    offline = compose(Settings.load(home), SystemClock())
    try:
        yield offline
    finally:
        offline.ledger.stop()
        offline.engine.dispose()
