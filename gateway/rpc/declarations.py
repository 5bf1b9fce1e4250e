"""What a request declares beside its items: an emergency, and the service for which it is made.

Rules kept here: a declaration that is there must be whole; every broken rule is told with its path, never the value.
"""

from gateway.errors import Violation
from oncegate.v1 import signed_pb2
from policies.emergencies import BadEmergency, Emergency, declared
from policies.service_reference import BadReference, ServiceReference, checked_reference


def emergency_of(body: signed_pb2.RequestBody, broken: list[Violation]) -> Emergency | None:
    """The declared emergency, when there is one.

    Args:
        body: The request.
        broken: Takes the rules that are broken.

    Returns:
        The declaration; None when there is none, or it breaks a rule.
    """
    if not body.HasField("emergency"):
        return None
    try:
        return declared(body.emergency.reason, body.emergency.statement)
    except BadEmergency as error:
        broken.append(Violation(f"emergency.{error.field}", error.rule))
        return None


def service_of(body: signed_pb2.RequestBody, broken: list[Violation]) -> ServiceReference | None:
    """The service item for which the system asks, when it names one.

    Args:
        body: The request.
        broken: Takes the rules that are broken.

    Returns:
        The reference; None when there is none, or it breaks a rule.
    """
    if not body.HasField("service"):
        return None
    try:
        return checked_reference(body.service.code, body.service.version, body.service.digest)
    except BadReference as error:
        broken.append(Violation(f"service.{error.field}", error.rule))
        return None
