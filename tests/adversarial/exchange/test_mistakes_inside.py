"""A mistake inside, at any door: fixed text in both languages, nothing of the exception outside or in the log."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from keys.key_certificates import CertifiedKeys
from oncegate.v1 import audit_pb2, catalog_pb2, enrolment_pb2, profile_pb2, signed_pb2
from tests.support.city import ALICE, BO, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import RECORD, Door, RawSystem, bearer, refused

pytestmark = shared_city("adversarial-mistakes")

SECRET = f"no row for {BO} called 李博文"


@contextmanager
def broken(part: Any, method: str) -> Iterator[None]:
    """A method that fails with a person's data in the exception's text."""

    def fail(*_: Any, **__: Any) -> Any:
        raise LookupError(SECRET)

    setattr(part, method, fail)
    try:
        yield
    finally:
        delattr(part, method)


def calls(city: City, raw: RawSystem, people: Door) -> dict[str, tuple[Any, str, Callable[[], Any]]]:
    """By method: what to break, and how to call it."""
    assert city.gateway is not None
    citizen = bearer(city.token("person", resident=ALICE))
    auditor = bearer(city.token("auditor", roles=["auditor"]))
    keys = CertifiedKeys(b"", b"", b"")
    enrolment = enrolment_pb2.EnrolRequest(token_secret="x", csr=b"x", keys=signed_pb2.CertifiedKeys(body=keys.body))
    parts = city.parts
    return {
        "Fetch": (city.gateway.index, "find_all", lambda: raw.fetch(raw.asking(BO))),
        "Locate": (city.gateway.index, "find", lambda: raw.locate(raw.asking(BO, items=[RECORD]))),
        "ListResources": (
            parts.catalog,
            "list",
            lambda: raw.door.catalog.ListResources(catalog_pb2.ListResourcesRequest()),
        ),
        "GetResource": (
            parts.catalog,
            "get",
            lambda: people.catalog.GetResource(catalog_pb2.GetResourceRequest(), metadata=citizen),
        ),
        "Enrol": (parts.enrolments, "enrol", lambda: people.enrolment.Enrol(enrolment)),
        "GetProfile": (
            parts.ledger,
            "append",
            lambda: people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=citizen),
        ),
        "GetCheckpoint": (
            parts.ledger,
            "checkpoint",
            lambda: people.audit.GetCheckpoint(audit_pb2.GetCheckpointRequest()),
        ),
        "ListMyAccesses": (
            parts.ledger,
            "accesses",
            lambda: people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=citizen),
        ),
        "ExportLog": (
            parts.ledger,
            "export_batches",
            lambda: people.audit.ExportLog(audit_pb2.ExportLogRequest(), metadata=auditor).read(),
        ),
    }


@pytest.mark.parametrize(
    "method",
    [
        "Fetch",
        "Locate",
        "ListResources",
        "GetResource",
        "Enrol",
        "GetProfile",
        "GetCheckpoint",
        "ListMyAccesses",
        "ExportLog",
    ],
)
async def test_a_mistake_inside_is_told_in_fixed_text_and_logged_by_kind_only(
    city: City, raw: RawSystem, people: Door, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    part, broken_method, call = calls(city, raw, people)[method]
    with broken(part, broken_method):
        refusal = await refused(call())
    assert (refusal.status, refusal.reason, refusal.message) == ("INTERNAL", "INTERNAL", "Internal error")
    assert refusal.texts == {"zh-CN": "内部错误", "en": "Internal error"}
    told = capfd.readouterr()
    assert "LookupError" in told.out + told.err
    for secret in (BO, "李博文", SECRET):
        assert secret.encode() not in refusal.everything
        assert secret not in told.out + told.err


async def test_a_mistake_in_the_middle_of_an_export_ends_it_without_its_text(city: City, people: Door) -> None:
    metadata = bearer(city.token("auditor", roles=["auditor"]))
    ledger = city.parts.ledger
    honest = ledger.export_batches

    def half(first_index: int = 0) -> Any:
        note, batches = honest(first_index)

        def stumble() -> Iterator[Any]:
            yield next(batches)
            raise LookupError(SECRET)

        return note, stumble()

    for _ in range(30):
        if next(honest(0)[1], None):
            break
        await asyncio.sleep(0.05)  # The first checkpoint that covers an entry comes within a second.
    ledger.export_batches = half  # type: ignore[method-assign]
    try:
        stream = people.audit.ExportLog(audit_pb2.ExportLogRequest(), metadata=metadata)
        assert (await stream.read()).checkpoint
        assert (await stream.read()).entries
        refusal = await refused(stream.read())
    finally:
        del ledger.export_batches
    assert (refusal.status, refusal.message) == ("INTERNAL", "Internal error")
    assert BO.encode() not in refusal.everything
