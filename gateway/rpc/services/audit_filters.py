"""The conditions of an auditor's search as they come over the wire."""

from gateway.audit.review.facets import Facet
from gateway.exchange.review import SearchedPerson
from gateway.exchange.review_filters import Filters
from oncegate.v1 import audit_pb2


def filters_of(message: audit_pb2.SearchFilter) -> Filters:
    """The conditions that a message names; they are checked where they are used."""
    return Filters(
        values={
            Facet.DEPARTMENT: message.department,
            Facet.SYSTEM: message.system,
            Facet.OFFICIAL: message.official,
            Facet.PURPOSE: message.purpose,
            Facet.FIELD: message.field,
            Facet.RESOURCE: message.resource,
            Facet.OUTCOME: message.outcome,
            Facet.REASON: message.reason,
            Facet.RULE: message.rule,
            Facet.AGREEMENT: message.agreement,
            Facet.CASE: message.case_reference,
            Facet.EMERGENCY: message.emergency,
            Facet.LEGAL_BASIS: message.legal_basis,
            Facet.SERVICE: message.service,
            Facet.AUDITOR: message.auditor,
        },
        from_ms=message.from_unix_ms,
        until_ms=message.until_unix_ms,
        without_case=message.without_case,
        without_official=message.without_official,
        any_emergency=message.any_emergency,
    )


def person_of(message: audit_pb2.SearchFilter) -> SearchedPerson | None:
    """The person that a message names, if it names one."""
    if not message.HasField("person"):
        return None
    person = message.person
    return SearchedPerson(person.scheme, person.identifier, person.pseudonym, person.why)
