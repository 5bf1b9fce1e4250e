"""Rings when the glass was broken: a line in the department's own log for each release under a declared emergency.

Whatever the gateway tells the department's steward, or keeps from the steward, this is the node's own word, as soon as
the release is durable and before its answer leaves. It names departments, system, reason, resource, agreement and the
ticket, never a person; what was stated is in the kept request (`oncegate-node receipts list --emergencies`).
"""

from typing import Final

import structlog

from nodes.provider.state import KeptRelease

EVENT: Final = "emergency"
_log = structlog.get_logger("oncegate.node")


def ring(kept: KeptRelease) -> None:
    """Say it, if it is one.

    Args:
        kept: A release that is durable.
    """
    if kept.emergency:
        _log.warning(
            EVENT,
            reason=kept.emergency,
            consumer=kept.consumer,
            system=kept.system,
            resource=kept.resource,
            agreement=kept.agreement,
            ticket=kept.ticket_digest.hex(),
        )
