"""A gateway that serves: every step wired, both doors open, and the background work that keeps it honest.

A gateway whose root key is not there starts sealed (`gateway.bootstrap.sealed`) and opens its doors when it comes.

Background work: outcomes for requests that broke off (`abandoned`), erasures that were left undone, reviews of
emergencies that became late, the status file, new versions of the index key in the keyring, notices to those who
received data under a consent that was withdrawn, moving profile fields to the suite that is set, who is late with a
proposal, having the log's heads cosigned, the tables by which auditors search, and nothing else; each logs a failure
and goes on.
"""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.bootstrap.agreeing import agreeing
from gateway.bootstrap.auditing import auditing
from gateway.bootstrap.consents import consenting
from gateway.bootstrap.detection import detecting
from gateway.bootstrap.emergencies import declare_emergency, emergency_desk
from gateway.bootstrap.erasures import erase_profile, erasures_of, notices_of
from gateway.bootstrap.following import KeyringFollower
from gateway.bootstrap.identities import sealed_identities
from gateway.bootstrap.interpreter import set_heap_aside, share_interpreter
from gateway.bootstrap.issuers import configured_issuers
from gateway.bootstrap.logs import configure_logs
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.policy import policy_of
from gateway.bootstrap.purposes import purposes_of
from gateway.bootstrap.restored import require_confirmed
from gateway.bootstrap.sealed import wait_unsealed
from gateway.bootstrap.secrets import PEOPLE_NAMES
from gateway.bootstrap.status import Status
from gateway.bootstrap.turns import forever
from gateway.bootstrap.vault_identity import vault_identity
from gateway.bootstrap.vault_search import index_fields, searching
from gateway.bootstrap.vault_suite import move_fields
from gateway.bootstrap.verifying import verify_field
from gateway.bootstrap.witnessing import LogWitnesses
from gateway.clock import SystemClock
from gateway.exchange.acknowledge import Acknowledge
from gateway.exchange.ask import Ask
from gateway.exchange.browse import Browse
from gateway.exchange.citizen import Citizens
from gateway.exchange.contribute import Contribute
from gateway.exchange.decide import Decide
from gateway.exchange.disclose import Disclose
from gateway.exchange.guesses import guess_limits
from gateway.exchange.identify import Identify, IdentifySubject
from gateway.exchange.locate import Locate
from gateway.exchange.mend import Mend
from gateway.exchange.people import OwnProfile
from gateway.exchange.record import Record
from gateway.exchange.repeat import KeptAnswers
from gateway.exchange.source_desk import SourceDesk
from gateway.federation.federation import Federation
from gateway.federation.model import LinkLimits
from gateway.federation.servicer import NodeLink
from gateway.identity.people import People
from gateway.index.key_versions import oldest_written
from gateway.index.pointer_index import PointerIndex
from gateway.rpc.access import Door
from gateway.rpc.codec import Codec
from gateway.rpc.server import DoorServer
from gateway.rpc.services.agreement import AgreementServicer
from gateway.rpc.services.catalog import CatalogServicer
from gateway.rpc.services.consent import ConsentRequestServicer, ConsentServicer
from gateway.rpc.services.emergency import EmergencyServicer
from gateway.rpc.services.enrolment import EnrolmentServicer
from gateway.rpc.services.exchange import ExchangeServicer
from gateway.rpc.services.explicit_request import ExplicitRequestServicer
from gateway.rpc.services.notice import NoticeServicer
from gateway.rpc.services.profile import ProfileServicer
from gateway.rpc.services.source import SourceServicer
from gateway.rpc.tiles_door import TilesDoor
from gateway.rpc.tls import ServerIdentity
from gateway.rpc.trust import Trust
from gateway.settings import STATUS_FILE, BadSettings, Settings
from gateway.vault.corrections import Corrections
from gateway.vault.fields import DESCRIPTIONS, profile_resource
from gateway.vault.persons import PersonRegistry
from gateway.vault.profile import Vault
from gateway.vault.pseudonyms import Pseudonyms
from keys.envelope import Suite
from oncegate.v1 import (
    agreement_pb2_grpc,
    catalog_pb2_grpc,
    consent_pb2_grpc,
    emergency_pb2_grpc,
    enrolment_pb2_grpc,
    exchange_pb2_grpc,
    explicit_request_pb2_grpc,
    node_link_pb2_grpc,
    notice_pb2_grpc,
    policy_pb2_grpc,
    profile_pb2_grpc,
    source_pb2_grpc,
)
from policies.identifiers import normalise

_STATUS_S = 1.0
_MEND_S = 15.0
_GRACE_S = 5.0
_EXCHANGE = "oncegate.v1.ExchangeService"
_log = structlog.get_logger("oncegate.gateway")


class Gateway:
    """A composed gateway.

    Args:
        offline: Its parts without doors.
    """

    _background: Sequence[asyncio.Task[None]] = ()

    def __init__(self, offline: Offline) -> None:  # noqa: PLR0915 - wiring, once and in one place
        settings, clock, engine = offline.settings, offline.clock, offline.engine
        self._offline = offline
        codec = Codec()
        keyring = offline.secrets.keyring
        self.index = PointerIndex(engine, offline.secrets.subject_tokens, clock, normalise)
        persons = PersonRegistry(engine, oldest_written=oldest_written)
        self._vault = vault = _vault(offline)
        issuers = configured_issuers(settings)
        people = People(issuers, clock, keyring.get(PEOPLE_NAMES))
        self._record = record = Record(offline.ledger, guess_limits(settings.limits), declare_emergency(offline))
        self._identities = identities = sealed_identities(offline, people, record)
        seals = identities.seals
        identify = Identify(offline.peers, offline.departments, people, codec, settings, clock, seals)
        subjects = IdentifySubject(offline.secrets.subject_tokens, persons, seals)
        self._consents = consents = consenting(offline, people, identify, subjects, record, issuers)
        self.federation = Federation(
            index=self.index,
            catalogue=offline.publish,
            peers=offline.peers,
            department_keys=offline.departments,
            ticket_key=offline.secrets.ticket_key,
            clock=clock,
            limits=LinkLimits(heartbeat_ms=settings.heartbeat_ms, ticket_life_ms=settings.limits.ticket_life_ms),
            consents=consents.consents,
        )
        self._policy = policy = policy_of(offline)
        decide = Decide(
            offline.catalog,
            offline.agreements,
            policy.active,
            clock,
            consents.find,
            consents.held,
        )
        limits = settings.limits
        certified = vault_identity(offline)
        erasures = erasures_of(offline, vault)
        self._erase = erase_profile(offline, erasures, record, certified)
        notices = notices_of(offline, record)
        disclose = Disclose(
            identify=identify,
            subjects=subjects,
            decide=decide,
            record=record,
            ask=Ask(self.index, self.federation, clock),
            contribute=Contribute(vault, Pseudonyms(engine, offline.secrets.live, clock), certified, codec, clock),
            kept=KeptAnswers(clock, limits.answer_kept_s, limits.answers_kept_bytes),
            erasing=self._erase.erasing,
            limits=limits,
            clock=clock,
        )
        locate = Locate(identify, subjects, decide, record, self.index, codec)
        taking = Acknowledge(identify, record, offline.ledger.joins, settings.trust_domain, clock)
        corrections = Corrections(engine, offline.secrets.live, clock, vault.search, suite=vault.suite)
        own = OwnProfile(people, subjects, vault, record, clock, corrections, self._erase)
        verify = verify_field(offline, Citizens(people, subjects), vault, disclose, record, codec)
        desk = SourceDesk(people, offline.departments, subjects, vault, corrections, _sources(settings), record, clock)
        self._emergencies = emergencies = emergency_desk(offline, people, subjects, record)
        browse = Browse(offline.peers, people, offline.browsing, offline.departments)
        self._agreeing = agreed = agreeing(offline)
        self._witnesses = LogWitnesses(settings, offline.ledger.cosigning, clock)
        self._mend = Mend(offline.ledger, record, limits, clock)
        self._auditing = auditing(offline, people, subjects, record)
        self._detecting = detecting(offline, people, subjects, record)
        self._identity = ServerIdentity(offline.authority, settings, clock)
        enrolment = EnrolmentServicer(offline.membership, _trust(offline))

        def register_systems(server: Any) -> None:
            exchange_pb2_grpc.add_ExchangeServiceServicer_to_server(ExchangeServicer(disclose, locate, taking), server)
            node_link_pb2_grpc.add_NodeLinkServiceServicer_to_server(NodeLink(self.federation), server)
            catalog_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogServicer(browse, Door.SYSTEMS), server)
            enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server(enrolment, server)
            agreement_pb2_grpc.add_AgreementServiceServicer_to_server(AgreementServicer(agreed.negotiate), server)
            notice_pb2_grpc.add_NoticeServiceServicer_to_server(NoticeServicer(notices), server)
            consent_pb2_grpc.add_ConsentRequestServiceServicer_to_server(
                ConsentRequestServicer(consents.requests, clock), server
            )

        def register_people(server: Any) -> None:
            self._auditing.register(server)
            self._identities.register(server)
            self._detecting.register(server)
            profile_pb2_grpc.add_ProfileServiceServicer_to_server(ProfileServicer(own, verify), server)
            source_pb2_grpc.add_SourceServiceServicer_to_server(SourceServicer(desk), server)
            consent_pb2_grpc.add_ConsentServiceServicer_to_server(ConsentServicer(consents.own, clock), server)
            explicit_request_pb2_grpc.add_ExplicitRequestServiceServicer_to_server(
                ExplicitRequestServicer(consents.clicks), server
            )
            policy_pb2_grpc.add_PolicyServiceServicer_to_server(policy.servicer(offline, people, record), server)
            emergency_pb2_grpc.add_EmergencyServiceServicer_to_server(EmergencyServicer(emergencies), server)
            catalog_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogServicer(browse, Door.PEOPLE), server)
            enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server(enrolment, server)

        credentials = self._identity.credentials
        self.systems = DoorServer(
            Door.SYSTEMS, settings.listen.systems, credentials(require_client=True), settings, register_systems
        )
        self.people = DoorServer(
            Door.PEOPLE, settings.listen.people, credentials(require_client=False), settings, register_people
        )

        self.tiles = TilesDoor(settings.listen.tiles, offline.ledger.published.read) if settings.listen.tiles else None
        self._keyring = following = KeyringFollower(offline.secrets)
        listen, tiles = settings.listen, self.tiles
        self._status = Status(
            offline,
            self.federation,
            self.index,
            ports=(
                ("systems", listen.systems, lambda: self.systems.port),
                ("people", listen.people, lambda: self.people.port),
                ("tiles", listen.tiles, None if tiles is None else lambda: tiles.port),
            ),
            reports=(
                lambda: {
                    "certificate_until_ms": self._identity.not_after_ms,
                    "policy_bundle": policy.active.digest,
                    "policy_problem": policy.active.problem,
                    "keyring_problem": following.problem,
                },
                agreed.status,
                emergencies.status,
                self._witnesses.status,
                self._auditing.tables.status,
            ),
        )

    async def start(self) -> None:
        """Start the ledger, close what a crash left open, start federation, open the doors."""
        await asyncio.to_thread(self._offline.ledger.start)
        # Before one entry is written: a log that was rolled back must not grow into another one.
        await self._witnesses.at_start()
        closed = await self._mend.at_start()
        await self._erase.at_start()
        await self._record_start()
        await asyncio.to_thread(self._publish_own)
        await self.federation.start()
        await self.systems.start()
        await self.people.start()
        if self.tiles is not None:
            await self.tiles.start()
        self._background = [
            asyncio.create_task(forever("status", _STATUS_S, self._status.write)),
            asyncio.create_task(forever("witnesses", _STATUS_S, self._witnesses.run)),
            asyncio.create_task(forever("health", _STATUS_S, self._tell_health)),
            asyncio.create_task(forever("keyring", _STATUS_S, self._keyring.turn)),
            asyncio.create_task(forever("mend", _MEND_S, self._mend.running)),
            asyncio.create_task(forever("erasures", _MEND_S, self._erase.running)),
            *(asyncio.create_task(forever(*turn)) for turn in self._auditing.turns()),
            *(asyncio.create_task(forever(*turn)) for turn in self._identities.turns()),
            *(asyncio.create_task(forever(*turn)) for turn in self._detecting.turns()),
            *(asyncio.create_task(forever(*turn)) for turn in self._agreeing.turns()),
            asyncio.create_task(forever("consent notices", _STATUS_S, self._consents.upkeep.tell)),
            asyncio.create_task(forever("emergencies", _MEND_S, self._emergencies.note_overdue)),
            asyncio.create_task(move_fields(self._vault)),
            asyncio.create_task(index_fields(self._vault.reindexing)),
        ]
        _log.info("gateway serves", systems=self.systems.port, people=self.people.port, abandoned=closed)

    async def _tell_health(self) -> None:
        """The exchange serves only while data may be released; whatever else the door offers goes on."""
        await self.systems.report(_EXCHANGE, serving=self._witnesses.releasing)

    async def _record_start(self) -> None:
        """Put the start on the ledger, and the policy bundle when it is not the one that was in force before."""
        await self._policy.at_start(self._record)
        bundle = self._policy.active.digest
        await self._record.write(
            EntryDraft(Kind.GATEWAY_STARTED, {"gateway": self._offline.settings.gateway_id, "bundle": bundle})
        )

    def _publish_own(self) -> None:
        """Offer what the gateway itself answers for."""
        settings = self._offline.settings
        department = settings.vault.department
        self._offline.publish.publish(settings.gateway_id, department, (profile_resource(department),))

    async def stop(self) -> None:
        """Close the doors, let running calls end, stop federation and ledger."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self.tiles is not None:
            await self.tiles.stop()
        await self.federation.stop(_GRACE_S)
        await asyncio.gather(self.systems.stop(_GRACE_S), self.people.stop(_GRACE_S))
        await self._erase.stop(_GRACE_S)
        self._offline.ledger.stop()
        with contextlib.suppress(FileNotFoundError):
            (self._offline.settings.home / STATUS_FILE).unlink()
        self._offline.engine.dispose()


def _sources(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Who may state which profile field. A field that there is not would silently be nobody's.

    Raises:
        BadSettings: A field is unknown.
    """
    for field in settings.vault.sources:
        if field not in DESCRIPTIONS:
            raise BadSettings(f"vault.sources.{field}: must be one of {', '.join(sorted(DESCRIPTIONS))}")
    return settings.vault.sources


def _vault(offline: Offline) -> Vault:
    """The vault, which follows the newest keyring."""
    suite, keys = Suite[offline.settings.vault.suite.upper()], offline.secrets.live
    return Vault(offline.engine, keys, offline.clock, suite, searching(offline.settings, keys))


def _trust(offline: Offline) -> Trust:
    """What members are told to believe of this gateway."""
    secrets, settings = offline.secrets, offline.settings
    return Trust(
        trust_domain=settings.trust_domain,
        ca_pem=offline.authority.certificate_pem,
        ticket_key=secrets.ticket_key.verify_key.der,
        promise_key=secrets.promise_key.verify_key.der,
        ledger_key=offline.ledger_key,
        gateway=settings.gateway_id,
        custodians=settings.custodians.keys,
        custodians_needed=settings.custodians.needed,
    )


async def serve(home: Path) -> None:
    """Serve until SIGINT or SIGTERM; sealed as long as the root key is not there.

    Raises:
        BadSettings: The settings cannot be used.
        GatewayError: Database, ledger or policy bundle cannot be used, or the home was restored from a backup and
            nobody has confirmed that.
    """
    share_interpreter()
    require_confirmed(home)
    settings = Settings.load(home)
    # A file of purposes that is wrong is told now, and not only when the root key has come.
    purposes_of(settings)
    configure_logs(settings.log_level)
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    offline = await wait_unsealed(settings, SystemClock(), told)
    if offline is None:
        return
    gateway = Gateway(offline)
    await gateway.start()
    set_heap_aside()
    await told.wait()
    await gateway.stop()
