"""Promise 2 over a whole exchange: whatever is not permitted in so many words is withheld, each for its own reason."""

import contextlib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from joserfc import jwt

from gateway.errors import Code, Refused
from keys.signing import AGREEMENT
from nodes.agreements.acts import check_purposes
from nodes.clock import SystemClock as NodeClock
from nodes.enrolment.agreement_files import accept_agreement, read_agreement
from nodes.enrolment.errors import BadInput
from nodes.provider.agreements import AgreementBook
from oncegate.v1 import signed_pb2
from policies.purposes import PURPOSES
from tests.support.city import BO, CIVIL_ITEMS, City, running_city, signature_json
from tests.support.city_fixtures import shared_city
from tests.support.consents import TERMS
from tests.support.doors import NAME, RawSystem, refused
from tests.support.log_book import logged
from tests.support.tampering import answered

pytestmark = shared_city("e2e-decisions")

OFFICE = "https://office.education.test"
YEAR = ("civil.resident", "birth_date", signed_pb2.FORM_YEAR)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder = tmp_path_factory.mktemp("city")
    office = (
        f'[[issuers]]\nissuer = "{OFFICE}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
        'roles = { clerk = "officer" }\ndepartment = "education"\n'
    )
    async with running_city(folder, settings=office) as running:
        yield running


def official(city: City, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": OFFICE,
        "aud": "oncegate",
        "sub": "clerk-7",
        "iat": now,
        "exp": now + 300,
        "roles": ["clerk"],
        "oncegate_system": "spiffe://oncegate.test/department/education/system/school",
        **changes,
    }
    return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims, city._issuer, algorithms=["ES256"])


class Revisions:
    """Puts one revision after another of the school's agreement in force."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._revision = 1

    def __call__(self, items: Any = None, **changes: Any) -> None:
        self._revision += 1
        self._city.agree("civil", "civil.resident", items or CIVIL_ITEMS, revision=self._revision, **changes)
        # The node looks at its folder within a second by itself; the tests do not wait for it.
        self._city.node("civil").provider.agreements._looked_s = float("-inf")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agree(city: City) -> Revisions:
    return Revisions(city)


async def reason(city: City, raw: RawSystem, **changes: Any) -> str:
    """Why a request is refused; nobody was asked."""
    before = answered(city)
    with logged(city) as book:
        refusal = await refused(raw.fetch(raw.asking(**changes)))
    assert refusal.status == "PERMISSION_DENIED"
    assert set(refusal.texts) == {"zh-CN", "en"}
    assert book.only("refused").account["reason"] == refusal.reason
    assert answered(city) == before
    return refusal.reason


async def test_what_the_agreement_lists_is_released_and_its_neighbours_are_not(city: City, raw: RawSystem) -> None:
    assert (await raw.fetch(raw.asking(items=[NAME, YEAR]))).complete
    full = ("civil.resident", "birth_date", signed_pb2.FORM_VALUE)
    assert await reason(city, raw, items=[full]) == "FORM_NOT_ALLOWED"
    assert await reason(city, raw, items=[("civil.resident", "address", signed_pb2.FORM_MASKED)]) == "NOT_IN_AGREEMENT"
    housing = ("housing.property", "location", signed_pb2.FORM_EXISTS)
    assert await reason(city, raw, items=[housing]) == "FORM_NOT_ALLOWED"


async def test_wrong_system_purpose_and_basis_are_refused_each_with_its_own_reason(
    city: City, raw: RawSystem, agree: Revisions
) -> None:
    assert await reason(city, raw, purpose="marriage_registration") == "PURPOSE_NOT_COVERED"
    assert await reason(city, raw, legal_basis=signed_pb2.LEGAL_BASIS_CONSENT) == "BASIS_NOT_COVERED"
    agree(systems='["library"]')
    assert await reason(city, raw) == "WRONG_SYSTEM"
    agree()
    assert (await raw.fetch(raw.asking())).complete


async def test_on_the_basis_of_consent_nothing_is_released_without_one(
    city: City, raw: RawSystem, agree: Revisions
) -> None:
    agree(legal_basis='"consent"', consent=TERMS)
    assert await reason(city, raw, legal_basis=signed_pb2.LEGAL_BASIS_CONSENT) == "CONSENT_MISSING"
    agree()


async def test_a_case_is_asked_for_where_the_agreement_asks_for_one(
    city: City, raw: RawSystem, agree: Revisions
) -> None:
    agree(case_required="true")
    assert await reason(city, raw) == "CASE_REQUIRED"
    # Spaces say nothing, nor does what is printed as nothing.
    for blank in ("   ", "\u3000", "\u3164", "\u2800\u0301"):
        assert await reason(city, raw, case_reference=blank) == "CASE_REQUIRED"
    assert (await raw.fetch(raw.asking(case_reference="入学-7"))).complete
    agree()


async def test_an_official_is_asked_for_where_the_agreement_asks_for_one(
    city: City, raw: RawSystem, agree: Revisions
) -> None:
    agree(official_required="true")
    assert await reason(city, raw) == "OFFICIAL_REQUIRED"
    with logged(city) as book:
        assert (await raw.fetch(raw.request(official_token=official(city)))).complete
    said = book.only("released").account["official"]
    assert said
    assert "clerk" not in said
    agree()


@pytest.mark.parametrize(
    "changes",
    [
        {"oncegate_system": "spiffe://oncegate.test/department/tourism/system/booking"},
        {"oncegate_system": None},
        {"exp": int(time.time()) + 4000},
        {"iat": int(time.time()) - 400, "exp": int(time.time()) - 100},
        {"roles": []},
        {"iss": "https://id.test"},
    ],
)
async def test_an_officials_token_for_another_system_too_long_or_without_office_is_refused(
    city: City, raw: RawSystem, changes: dict[str, Any]
) -> None:
    token = official(city, **changes)
    before = answered(city)
    with logged(city) as book:
        refusal = await refused(raw.fetch(raw.request(official_token=token)))
    assert refusal.status in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    assert book.kinds == ["refused"]
    assert answered(city) == before


async def test_an_officials_token_in_another_systems_hands_is_refused(city: City) -> None:
    async with RawSystem(city, "tourism", "booking") as booking:
        refusal = await refused(booking.fetch(booking.request(official_token=official(city))))
    assert refusal.status in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    assert refusal.reason != "NO_AGREEMENT"


async def test_an_agreement_that_has_not_begun_does_not_count(city: City, raw: RawSystem, agree: Revisions) -> None:
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 86_400))
    agree(valid_from=tomorrow)
    assert await reason(city, raw) == "AGREEMENT_NOT_STARTED"
    agree()


async def test_the_uses_of_a_day_run_out_and_say_when_there_are_more(
    city: City, raw: RawSystem, agree: Revisions
) -> None:
    agree(uses_per_day="3", id='"education-civil-few"')
    city.parts.membership.revoke_agreement("education-civil-resident", "replaced")
    try:
        for _ in range(3):
            assert (await raw.fetch(raw.asking())).complete
        before = answered(city)
        with logged(city) as book:
            refusal = await refused(raw.fetch(raw.asking(BO)))
        assert (refusal.status, refusal.reason) == ("RESOURCE_EXHAUSTED", "USES_EXHAUSTED")
        assert 0 < (refusal.retry_ms or 0) <= 86_400_000
        assert book.kinds == ["refused"]
        assert answered(city) == before
    finally:
        city.parts.membership.revoke_agreement("education-civil-few", "test is over")
        agree(id='"education-civil-again"')


async def test_a_repeat_takes_no_further_use(city: City, raw: RawSystem, agree: Revisions) -> None:
    for former in ("education-civil-again", "education-civil-resident"):
        # Which of them is there depends on the tests before.
        with contextlib.suppress(Refused):
            city.parts.membership.revoke_agreement(former, "replaced")
    agree(uses_per_day="1", id='"education-civil-one"')
    request = raw.asking()
    assert (await raw.fetch(request)).complete
    assert (await raw.fetch(request)).replayed
    assert (await refused(raw.fetch(raw.asking()))).reason == "USES_EXHAUSTED"
    assert (await raw.fetch(request)).replayed
    city.parts.membership.revoke_agreement("education-civil-one", "test is over")
    agree(id='"education-civil-last"')


async def test_only_the_providers_own_signature_puts_an_agreement_in_force(city: City) -> None:
    text = city.agreement_text("civil", "civil.resident", {"address": ["value"]}, id='"greedy"').encode()
    civil, education = city.keys["civil"], city.keys["education"]
    for key, signature in (
        (education, education.sign(AGREEMENT, text)),
        (civil, education.sign(AGREEMENT, text)),
        (civil, civil.sign(AGREEMENT, text + b"\n")),
        (civil, b""),
    ):
        with pytest.raises(Refused):
            city.parts.membership.add_agreement(text, signature, key.verify_key.der)
    assert all(listed.agreement.id != "greedy" for listed in city.parts.agreements.list())


@pytest.mark.domain_check(number=14)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("purposes", '["curiosity"]'),
        ("purposes", "[]"),
        ("purposes", None),
        ("legal_basis", '"because"'),
        ("conditions", '"whenever"'),
        ("uses_per_day", None),
        ("uses_per_day", "0"),
        ("uses_per_day", "-1"),
        ("uses_per_day", "1000001"),
        ("uses_per_day", '"unlimited"'),
        ("uses_per_day", "inf"),
        ("rate_per_minute", '"unlimited"'),
    ],
)
async def test_domain_check_14_an_agreement_with_an_unknown_term_no_purpose_or_unlimited_uses_is_taken_in_nowhere(
    city: City, key: str, value: str | None
) -> None:
    text = city.agreement_text("civil", "civil.resident", {"address": ["value"]}, id='"endless"', **{key: value})
    raw = text.replace(f"{key} = None\n", "").encode()
    civil = city.keys["civil"]
    signature = civil.sign(AGREEMENT, raw)
    # Not at the gateway, although its provider signed it.
    with pytest.raises(Refused) as refusal:
        city.parts.membership.add_agreement(raw, signature, civil.verify_key.der)
    assert refusal.value.code in {Code.BAD_REQUEST, Code.UNKNOWN_PURPOSE}
    assert key in {re.split(r"\[|\.", violation.field)[0] for violation in refusal.value.violations}
    # Not by the steward's command, and not by the node when somebody puts the files into its folder all the same.
    folder = city.folder / f"endless-{key}-{len(raw)}"
    folder.mkdir()
    file = folder / "endless.toml"
    file.write_bytes(raw)
    file.with_suffix(".sig").write_text(signature_json(civil, raw), encoding="utf-8")
    own, other = (city.keys[one].verify_key.fingerprint for one in ("civil", "education"))

    def accept() -> None:
        check_purposes(read_agreement(file), PURPOSES, int(time.time() * 1000))
        accept_agreement(file, folder / "taken", department="civil", own_key=own, accepted=other)

    with pytest.raises(BadInput, match=key):
        accept()
    if "curiosity" not in text:
        # Whether a purpose is registered is known to the node and not to the file: it is looked at for every ticket.
        book = AgreementBook(folder, "civil", own, NodeClock())
        assert not book.all()
        assert len(book.problems()) == 1
