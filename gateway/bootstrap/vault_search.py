"""Searching profiles: how the settings' fields are indexed, and the background work that brings all fields to it.

Rules kept: people and departments come first, so the work pauses after every transaction; the log gets counts only. A
failure is logged by type and tried again later.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from gateway.bootstrap.offline import Offline
from gateway.errors import Refused
from gateway.exchange.search_profiles import SearchProfiles
from gateway.settings import Settings
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.profile import Vault
from gateway.vault.search import BlindIndexes
from keys.blind_index import plan
from keys.envelope import Suite

_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.05
_AGAIN_S: Final = 30.0

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


async def index_fields(work: Reindexed, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Index every searchable field as it is to be; returns when none is left.

    Args:
        work: What is to be done; its calls block and run beside the event loop.
        sleep: Waits so many seconds.
    """
    done = 0
    while True:
        try:
            more = await asyncio.to_thread(work.step, _AT_ONCE)
        except Refused as error:
            # Fields are searchable, but there is no key: the operator has to make one (`oncegate vault reindex`).
            _log.error("vault fields cannot be indexed", why=error.detail)
            return
        except Exception as error:  # noqa: BLE001 - one failed turn must not end the work
            _log.error("background work failed", work="reindex", error=type(error).__name__)
            await sleep(_AGAIN_S)
            continue
        done += more
        if not more:
            break
        await sleep(_PAUSE_S)
    if done:
        _log.info("vault fields indexed", indexed=done, unreadable=work.unreadable)
