"""Which bundle is in force: the newest that the log says was activated, else the one that the settings name.

Rules kept here: the change counter is looked at for every request, so that an activation by another process counts at
the next one; a request keeps the engine that it was given, and each bundle has an engine of its own, so nothing
remembered under one bundle is used under another. Which bundle it is, the access log says, not the table: a row that
was added or removed by hand changes nothing.

Which way it fails: a bundle that is missing, was changed by hand or does not load never comes in force, and it is
reported. A process that has a good bundle goes on with it, because it was in force by two people's word a moment ago.
A process that has none, because it just started, decides nothing: every request is refused with POLICY_UNAVAILABLE
until a good bundle is activated. It does not go back by itself, since the former bundle may permit more.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from gateway.errors import Code, Refused
from gateway.policy.bundles import BundleDamaged, Bundles
from gateway.policy.tables import EPOCH
from gateway.storage.epochs import EpochCached
from policies.engine import BadBundle, PolicyEngine, RuleText
from policies.engine.bundle import check_bundle

_log = logging.getLogger(__name__)
_TITLES_KEPT = 64


@dataclass(frozen=True, slots=True)
class _Loaded:
    wanted: str
    engine: PolicyEngine | None
    problem: str


class ActiveBundle:
    """The bundle in force.

    Args:
        engine: The database.
        bundles: The stored bundles.
        bootstrap: The engine with the bundle of the settings, in force until people activated one.
        activated: Digest of the bundle that the log says was last activated by people; empty while none was.
    """

    def __init__(self, engine: Engine, bundles: Bundles, bootstrap: PolicyEngine, activated: Callable[[], str]) -> None:
        self._bundles = bundles
        self._bootstrap = bootstrap
        self.purposes = bootstrap.purposes
        """The registered purposes, the same whichever bundle is in force."""
        self._activated = activated
        self._good: PolicyEngine | None = None
        self._titles: dict[str, Mapping[str, RuleText]] = {bootstrap.digest: bootstrap.titles}
        self._cached = EpochCached(engine, EPOCH, self._load)

    def __call__(self) -> PolicyEngine:
        """The engine to decide one request by, from its decision to its release.

        Raises:
            Refused: POLICY_UNAVAILABLE when the bundle in force cannot be used and there was none before.
        """
        loaded = self._cached.current()
        if loaded.engine is None:
            raise Refused(Code.POLICY_UNAVAILABLE, loaded.problem)
        return loaded.engine

    @property
    def problem(self) -> str:
        """Why the bundle that was activated last is not the one in force; empty when it is."""
        return self._cached.current().problem

    @property
    def digest(self) -> str:
        """Digest of the bundle in force; empty when there is none."""
        engine = self._cached.current().engine
        return "" if engine is None else engine.digest

    def titles(self, digest: str) -> Mapping[str, RuleText] | None:
        """What the rules of a bundle say of themselves, or None when it is not kept intact."""
        known = self._titles.get(digest)
        if known is not None:
            return known
        try:
            found = check_bundle(self._bundles.files(digest), self.purposes).titles
        except (BundleDamaged, BadBundle):
            return None
        if len(self._titles) < _TITLES_KEPT:
            self._titles[digest] = found
        return found

    def _load(self, _connection: Connection, former: _Loaded | None) -> _Loaded:
        try:
            wanted = self._activated() or self._bootstrap.digest
        except BundleDamaged as error:
            _log.exception("which policy bundle was activated cannot be told")
            return _Loaded("", self._good, str(error))
        if former is not None and former.engine is not None and former.engine.digest == wanted:
            # The same bundle: its engine keeps what it remembers.
            return _Loaded(wanted, former.engine, "")
        problem = ""
        if wanted == self._bootstrap.digest:
            self._good = self._bootstrap
        else:
            try:
                self._good = PolicyEngine(check_bundle(self._bundles.files(wanted), self.purposes))
            except (BundleDamaged, BadBundle) as error:
                problem = str(error)
                _log.error("the activated policy bundle cannot be used", extra={"bundle": wanted, "rule": problem})
        return _Loaded(wanted, self._good, problem)
