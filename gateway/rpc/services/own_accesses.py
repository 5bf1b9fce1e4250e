"""A person's own accesses as messages, in both public languages."""

from typing import Any

from gateway.audit.accesses import END_OF_TIME_MS, Wanted
from gateway.audit.views import Access, AccessPage
from gateway.exchange.access_words import AccessWords, Words
from gateway.exchange.own_accesses import Usage
from oncegate.v1 import audit_pb2


def wanted_of(request: audit_pb2.ListMyAccessesRequest) -> Wanted:
    """Which accesses are asked for."""
    return Wanted(request.from_unix_ms, request.until_unix_ms or END_OF_TIME_MS, request.department)


def accesses_message(
    page: AccessPage, words: AccessWords, retained: audit_pb2.Retained | None
) -> audit_pb2.ListMyAccessesResponse:
    """A page with every name in it."""
    departments = words.departments()
    return audit_pb2.ListMyAccessesResponse(
        accesses=[_access(access, words, departments) for access in page.accesses],
        next_page_token=page.next_cursor,
        retained=retained,
    )


def usage_message(
    usage: Usage, words: AccessWords, retained: audit_pb2.Retained | None
) -> audit_pb2.GetMyUsageResponse:
    """Counts with every name in them."""
    departments = words.departments()
    response = audit_pb2.GetMyUsageResponse(
        counted_from_unix_ms=usage.counted_from_ms, held_from_unix_ms=usage.held_from_ms, retained=retained
    )
    for row in usage.rows:
        purpose = words.purpose(row.purpose)
        response.rows.add(
            month_unix_ms=row.month_ms,
            department=row.department,
            department_name=_text(departments.get(row.department)),
            purpose=row.purpose,
            purpose_name=_text(None if purpose is None else purpose[0]),
            outcome=row.outcome,
            count=row.count,
        )
    return response


def _access(access: Access, words: AccessWords, departments: dict[str, Words]) -> audit_pb2.Access:
    purpose, law = words.purpose(access.purpose) or (None, None)
    message = audit_pb2.Access(
        time_unix_ms=access.time_ms,
        department=access.department,
        system=access.system,
        purpose=access.purpose,
        legal_basis=access.legal_basis,
        case_reference=access.case_reference,
        outcome=access.outcome,
        reason=access.reason,
        leaf_index=access.leaf_index,
        emergency=access.emergency,
        service=access.service,
        service_version=access.service_version,
        department_name=_text(departments.get(access.department)),
        purpose_name=_text(purpose),
        purpose_law=_text(law),
        basis_name=_text(words.basis(access.legal_basis)),
        hidden_by_law=access.law,
        hidden_until_unix_ms=access.visible_from_ms if access.law else 0,
        why=access.why,
    )
    for field in access.fields:
        message.fields.add(
            resource=field.resource,
            field=field.field,
            form=field.form,
            outcome=field.outcome,
            resource_name=_text(words.resource(field.resource)),
            field_name=_text(words.field(field.resource, field.field)),
        )
    return message


def _text(words: Words | None) -> Any:
    return None if words is None else audit_pb2.PublicText(zh=words.zh, en=words.en)
