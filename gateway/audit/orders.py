"""What the log's writer is told to do beside writing entries, in its own thread and in turn with them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from gateway.audit.errors import AuditError, LedgerUnavailable
from keys.errors import KeysError


class Order(NamedTuple):
    """Something to do.

    Attributes:
        act: Does it.
        done: What came of it.
    """

    act: Callable[[], None]
    done: Future[None]

    def give_up(self) -> None:
        """Tell whoever waits that it is not done."""
        self.done.set_exception(LedgerUnavailable("the log is not open for writing"))


def carry_out(orders: Sequence[Order]) -> bool:
    """Do all of it, and tell whoever waits. Never raises.

    Returns:
        False when the storage failed, so that what is believed about it has to be read again.
    """
    sound = True
    for order in orders:
        if not order.done.set_running_or_notify_cancel():
            continue
        try:
            order.act()
        except (AuditError, KeysError) as error:
            order.done.set_exception(error)
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            order.done.set_exception(LedgerUnavailable(type(error).__name__))
            sound = False
        else:
            order.done.set_result(None)
    return sound
