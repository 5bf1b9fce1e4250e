"""Follows the keyring's file while the gateway serves, for what was made of its keys at the start."""

import asyncio

import structlog

from gateway.bootstrap.secrets import Secrets, newest_index_keys

_log = structlog.get_logger("oncegate.gateway")


class KeyringFollower:
    """Hands new versions of the index key on, and knows whether the newest keyring opens.

    Args:
        secrets: The gateway's secrets.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self.problem = ""

    async def turn(self) -> None:
        """Take over a new version of the index key, on the event loop: the status tells of it only afterwards.

        Raises:
            KeysError: The newest keyring cannot be opened.
        """
        live, tokens = self._secrets.live, self._secrets.subject_tokens
        # Beside the event loop: a keyring that changed is opened anew.
        problem = await asyncio.to_thread(live.problem)
        if problem != self.problem:
            self.problem = problem
            if problem:
                _log.error("the newest keyring does not open", problem=problem)
        if problem:
            return
        known, current = await asyncio.to_thread(newest_index_keys, live)
        if current > tokens.current:
            tokens.learn(known, current)
            _log.info("index key learnt", version=tokens.current)
