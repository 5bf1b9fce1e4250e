"""Searching profiles: how the settings' fields are indexed, and the background work that brings all fields to it.

Rule kept: the log gets counts only.
"""

import asyncio
from typing import Protocol

import structlog

from gateway.bootstrap.offline import Offline
from gateway.bootstrap.turns import Sleep, every_turn
from gateway.errors import Refused
from gateway.exchange.search_profiles import SearchProfiles
from gateway.settings import Settings
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.profile import Vault
from gateway.vault.search import BlindIndexes
from keys.blind_index import plan
from keys.envelope import Suite

_log = structlog.get_logger("oncegate.gateway")


class Reindexed(Protocol):
    """Blind indexes in the making; `gateway.vault.reindex.Reindexing` is one."""

    unreadable: int

    def step(self, limit: int = 100) -> int:
        """Index at most so many fields; 0 when none is left."""


def searching(settings: Settings, keys: KeyEncryptionKeys) -> BlindIndexes:
    """The blind indexes that the settings ask for."""
    vault = settings.vault
    return BlindIndexes(keys, plan(vault.expected_profiles, vault.distinct))


def searching_vault(offline: Offline) -> Vault:
    """The vault beside a running gateway or alone, for the operator's commands."""
    keys, settings = offline.secrets.live, offline.settings
    suite = Suite[settings.vault.suite.upper()]
    return Vault(offline.engine, keys, offline.clock, suite, searching(settings, keys))


def search_profiles(offline: Offline) -> SearchProfiles:
    """The operator's search."""
    return SearchProfiles(searching_vault(offline), offline.ledger)


async def index_fields(work: Reindexed, sleep: Sleep = asyncio.sleep) -> None:
    """Index every searchable field as it is to be; returns when none is left.

    Args:
        work: What is to be done; its calls block and run beside the event loop.
        sleep: Waits so many seconds.
    """
    try:
        done = await every_turn("reindex", work.step, Refused, sleep)
    except Refused as error:
        # Fields are searchable, but there is no key: the operator has to make one (`oncegate vault reindex`).
        _log.error("vault fields cannot be indexed", why=error.detail)
        return
    if done:
        _log.info("vault fields indexed", indexed=done, unreadable=work.unreadable)
