"""How a check of a ticket ends when it does not hold."""

from policies.reasons import Reason


class CheckFailed(Exception):
    """Ends the checks of one ticket.

    Args:
        reason: Which check did not hold.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
