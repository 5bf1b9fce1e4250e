"""Wires the policy capability: the bundle in force, what the log says of bundles, and explanations.

The setting `policy_bundle` (or the packaged bundle) is in force until two people activated another one; from then on
only people change it, and the setting is not looked at for deciding. Every bundle that was ever in force is kept in the
database, so that old decisions can be explained in the words of their own rules.
"""

from dataclasses import dataclass

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.bootstrap.offline import Offline
from gateway.catalog.versions import Versions
from gateway.exchange.explain import Explain
from gateway.exchange.past import Past
from gateway.exchange.policy_desk import PolicyDesk
from gateway.exchange.policy_log import PolicyLog
from gateway.exchange.policy_reading import PolicyReading
from gateway.exchange.record import Record
from gateway.identity.people import People
from gateway.policy.active import ActiveBundle
from gateway.policy.bundles import ACTIVATED, Bundles
from gateway.rpc.services.policy import PolicyServicer
from gateway.sharing.consents import Consents
from gateway.sharing.history import AgreementHistory
from policies.engine import PolicyEngine
from policies.engine.bundle import PACKAGED, check_bundle, read_files


@dataclass(frozen=True, slots=True)
class Policy:
    """The parts."""

    bundles: Bundles
    active: ActiveBundle
    log: PolicyLog
    explain: Explain
    _bootstrap: dict[str, bytes]

    def servicer(self, offline: Offline, people: People, record: Record) -> PolicyServicer:
        """The service of the people's door."""
        return PolicyServicer(
            PolicyReading(people, offline.departments, offline.catalog, self.explain, record),
            PolicyDesk(people, offline.departments, self.bundles, self.active, self.log, record),
        )

    async def at_start(self, record: Record) -> None:
        """Put the settings' bundle on the ledger and into the database when it is in force and was not before."""
        if not self.active.digest or self.log.activated():
            return
        last, digest = self.log.last_activation(), self.active.digest
        if last is not None and last.account["bundle"] == digest:
            entry = last.leaf_index
        else:
            before = "" if last is None else str(last.account["bundle"])
            body = {"bundle": digest, "before": before, "why": "start"}
            entry = (await record.write(EntryDraft(Kind.POLICY_ACTIVATED, body))).leaf_index
        stored = [one for one in self.bundles.list() if one.digest == digest]
        if not stored:
            self.bundles.keep(self._bootstrap, '{"findings":[],"rows":0}', entry)
        if not stored or entry not in stored[0].activations:
            self.bundles.step(digest, ACTIVATED, entry)


def past_of(offline: Offline) -> Past:
    """What recorded decisions were made from."""
    return Past(Versions(offline.engine), AgreementHistory(offline.engine))


def policy_of(offline: Offline) -> Policy:
    """Open the policy capability.

    Args:
        offline: The gateway's parts.

    Raises:
        BadBundle: The bundle that the settings name is not wholly understood.
    """
    settings = offline.settings
    directory = PACKAGED if settings.policy_bundle is None else settings.path(settings.policy_bundle)
    files = read_files(directory)
    bundles, log = Bundles(offline.engine, offline.clock), PolicyLog(offline.ledger)
    active = ActiveBundle(
        offline.engine,
        bundles,
        PolicyEngine(check_bundle(files, offline.purposes)),
        lambda: log.activated(bundles.noted_activation()),
    )
    explain = Explain(
        offline.catalog,
        offline.agreements,
        past_of(offline),
        active,
        active.titles,
        Consents(offline.engine, offline.clock),
        offline.ledger,
        offline.clock,
    )
    return Policy(bundles, active, log, explain, files)
