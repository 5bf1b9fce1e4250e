"""What a process does before it touches a recovery key: no core dump, no debugger, no swapping where that is allowed.

Rules kept: the core limit is set to zero for good, or the process refuses to go on; making it undumpable and locking
its memory are done where the system allows and reported. Python copies objects and cannot erase them: what ends a
secret's life is the end of the process. Fails closed on core dumps, open on memory locking, and says which.
"""

import ctypes
import resource
from dataclasses import dataclass
from typing import Final

from keys.errors import CeremonyBroken

# prctl(2) and mlockall(2) on Linux.
_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2


@dataclass(frozen=True, slots=True)
class Hardening:
    """What the system granted.

    Attributes:
        undumpable: Neither a debugger of the same user nor a core dump can read the process.
        locked: Its memory does not go to swap.
    """

    undumpable: bool
    locked: bool


def harden() -> Hardening:
    """Protect this process for the rest of its life.

    Returns:
        What the system granted beyond the core limit.

    Raises:
        CeremonyBroken: Core dumps cannot be forbidden. Fails closed.
    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        raise CeremonyBroken("core dumps cannot be forbidden") from None
    try:
        system = ctypes.CDLL(None)
        undumpable = system.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
        locked = system.mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0
    except (OSError, AttributeError):
        return Hardening(undumpable=False, locked=False)
    return Hardening(undumpable, locked)
