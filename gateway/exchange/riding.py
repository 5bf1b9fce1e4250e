"""Something that is done in the very commit of the entry that says so: both are durable, or neither.

Rules kept: what the act does not allow is told to its caller and to nobody else, and its entry does not exist. The act
runs in the thread that writes the log, so it is short and touches the database alone.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection

from gateway.audit.errors import RiderRefused
from gateway.errors import Code, Refused
from keys.errors import KeysError
from policies.consents import NotPossible

Result = TypeVar("Result")


class Ride(Generic[Result]):
    """A rider with a result.

    Args:
        act: What is done in the transaction. It may run again when another process was first.
    """

    def __init__(self, act: Callable[[Connection], Result]) -> None:
        self._act = act
        self._done: tuple[Result] | None = None
        self._fault: Exception | None = None

    def __call__(self, connection: Connection) -> None:
        """Run inside the entry's transaction; see `gateway.audit.counters.Rider`."""
        self._done = self._fault = None
        try:
            self._done = (self._act(connection),)
        except (Refused, NotPossible) as error:
            self._fault = error
            raise RiderRefused(type(error).__name__) from None
        except KeysError as error:
            self._fault = Refused(Code.INTERNAL, error.code)
            raise RiderRefused(error.code) from None

    @property
    def fault(self) -> Exception:
        """Why it was not allowed."""
        return self._fault or Refused(Code.INTERNAL, "refused without a reason")

    @property
    def result(self) -> Result:
        """What the act gave, once its entry is durable."""
        if self._done is None:  # pragma: no cover - an entry is durable only with its rider
            raise LookupError("the act was not carried out")
        return self._done[0]
