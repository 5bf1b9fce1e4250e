"""Service items: which evidence a public service needs, what to ask for, and whether an application has it.

Rules kept here: everything is pure. A service item is its exact bytes, and its digest is over them; evidence counts in
three values (holds, open, lacks), so that a provider's silence is never taken for a "no".

What it does not do: it is no case management: it keeps no application and decides none, and it asks about one person.
"""

from policies.service_reference import BadReference, ServiceReference, checked_reference
from policies.services.evaluate import ServiceResult, Standing, State, evaluate
from policies.services.judge import Given, Known, Status, Truth, Why
from policies.services.model import (
    Channel,
    Evidence,
    Necessity,
    NoMatch,
    Requirement,
    ServiceItem,
)
from policies.services.parse import FORMAT, parse_service
from policies.services.plan import OnSilence, Wanted, next_round
from policies.services.reader import BadService

__all__ = [
    "FORMAT",
    "BadReference",
    "BadService",
    "Channel",
    "Evidence",
    "Given",
    "Known",
    "Necessity",
    "NoMatch",
    "OnSilence",
    "Requirement",
    "ServiceItem",
    "ServiceReference",
    "ServiceResult",
    "Standing",
    "State",
    "Status",
    "Truth",
    "Wanted",
    "Why",
    "checked_reference",
    "evaluate",
    "next_round",
    "parse_service",
]
