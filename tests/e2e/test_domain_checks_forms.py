"""The least that will do: predicates and the choice of forms over a whole exchange, with the domain's check of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
import pytest_asyncio

from gateway.exchange.guesses import GuessLimits
from keys.operands import operand_commitment
from keys.signing import AGREEMENT
from nodes.consumer import AsyncClient, Item, RequestRefused
from nodes.enrolment.errors import BadInput
from oncegate.v1 import profile_pb2, signed_pb2
from policies.vocabulary import Form
from tests.support.city import ALICE, BO, CHEN, NOBODY, PURPOSE, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import RawSystem, bearer, people_door, refused
from tests.support.log_book import logged
from tests.support.tampering import answered, between

pytestmark = shared_city("e2e-forms")

ADULT = {"name": '"adult"', "field": '"birth_date"', "operator": '"age_at_least"', "value": "18"}
PENSIONER = {"name": '"pensioner"', "field": '"birth_date"', "operator": '"age_at_least"', "value": "60"}
SAME_NAME = {"name": '"same_name"', "field": '"name"', "operator": '"equals"'}
SAME_PHONE = {"name": '"same_phone"', "field": '"phone"', "operator": '"equals"'}
ITEMS = {"name": ["value", "predicate"], "birth_date": ["predicate"], "record": ["exists"]}
BIRTH = "civil.resident:birth_date"


def said(item: Any) -> dict[str, Any]:
    """What an item of an entry says, without why: the rules, and the forms that would have been taken too."""
    return {key: value for key, value in item.items() if key not in {"rules", "accepted"}}


class Revisions:
    """Puts one revision after another of the school's agreement with the civil registry in force."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._revision = 1

    def __call__(
        self, items: Mapping[str, Sequence[str]] = ITEMS, predicates: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self._revision += 1
        self._city.agree(
            "civil",
            "civil.resident",
            items,
            revision=self._revision,
            predicates=predicates or (ADULT, PENSIONER, SAME_NAME),
        )
        self._noticed()

    def unseen(self, predicates: Sequence[Mapping[str, str]]) -> None:
        """A revision that gateway and node have, and that the school's steward has not accepted yet."""
        self._revision += 1
        city, key = self._city, self._city.keys["civil"]
        text = city.agreement_text("civil", "civil.resident", ITEMS, revision=self._revision, predicates=predicates)
        path = city.sign("civil", text)
        raw = path.read_bytes()
        city.parts.membership.add_agreement(raw, key.sign(AGREEMENT, raw), key.verify_key.der)
        city.accept(path, city.member_home("civil", "registry"), "civil", "education")
        self._noticed()

    def _noticed(self) -> None:
        # The node looks at its folder within a second by itself; the tests do not wait for it.
        self._city.node("civil").provider.agreements._looked_s = float("-inf")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with running_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agree(city: City) -> Revisions:
    return Revisions(city)


@pytest_asyncio.fixture(loop_scope="module")
async def school(city: City) -> AsyncIterator[AsyncClient]:
    async with city.client() as client:
        yield client


async def fetch(school: AsyncClient, *items: Item | str, subject: str = ALICE, **more: Any) -> Any:
    return await school.fetch(
        subject=("cn.resident-id", subject), purpose=PURPOSE, basis="mandate", items=items, deadline_s=15, **more
    )


@pytest.mark.domain_check(number=2)
async def test_domain_check_2_a_need_of_name_and_age_returns_the_name_and_the_yes_or_no_not_the_birth_date(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    agree()
    with logged(city) as book:
        answer = await fetch(school, "civil.resident:name", f"{BIRTH}=age_at_least(18)|year|value")
    assert [(row.field, row.form, row.value) for row in answer] == [
        ("name", Form.VALUE, "欧阳静好"),
        ("birth_date", Form.PREDICATE, True),
    ]
    assert answer.complete
    assert "1949" not in repr(answer) + str([row.text for row in answer])
    asked = [said(item) for item in book.only("asked").account["items"]]
    assert asked == [
        {"resource": "civil.resident", "field": "name", "form": "value"},
        {"resource": "civil.resident", "field": "birth_date", "form": "predicate", "predicate": "adult"},
    ]


async def test_yes_and_no_by_name_and_by_what_is_asked(school: AsyncClient, agree: Revisions) -> None:
    agree()
    assert (await fetch(school, f"{BIRTH}=predicate(pensioner)"))[BIRTH].value is True
    assert (await fetch(school, f"{BIRTH}=age_at_least(60)", subject=BO))[BIRTH].value is False
    row = (await fetch(school, f"{BIRTH}=age_at_least(60)", subject=NOBODY))[BIRTH]
    assert (str(row.status), row.value, row.form) == ("not_available", None, Form.PREDICATE)


async def test_where_the_agreement_has_no_less_revealing_form_the_accepted_one_is_taken_and_said(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    agree({"birth_date": ["year", "value"], "name": ["predicate"]}, [SAME_NAME])
    with logged(city) as book:
        row = (await fetch(school, f"{BIRTH}=age_at_least(18)|value|year"))[BIRTH]
    assert (row.form, row.asked, row.value) == (Form.YEAR, "age_at_least(18)", 1949)
    [one] = book.only("asked").account["items"]
    assert said(one) == {"resource": "civil.resident", "field": "birth_date", "form": "year", "needed": "predicate"}
    # Nothing is taken that was not accepted, and what is less revealing does not stand in unasked either.
    for item, reason in (
        (f"{BIRTH}=age_at_least(18)", "FORM_NOT_ALLOWED"),
        ("civil.resident:name=masked|value", "FORM_NOT_ALLOWED"),
    ):
        with pytest.raises(RequestRefused) as refusal:
            await fetch(school, item)
        assert refusal.value.code == reason
    agree()


@pytest.mark.parametrize("asked", ["age_at_least(17)", "ge(1990-01-01)"])
async def test_a_predicate_that_the_agreement_does_not_have_has_its_own_reason(
    city: City, school: AsyncClient, agree: Revisions, asked: str
) -> None:
    agree()
    with logged(city) as book:
        with pytest.raises(RequestRefused) as refusal:
            await fetch(school, f"{BIRTH}={asked}")
        answer = await fetch(school, "civil.resident:name", f"{BIRTH}={asked}?")
    assert refusal.value.code == "PREDICATE_NOT_AGREED"
    assert answer[BIRTH].reason == "PREDICATE_NOT_AGREED"
    assert "17" not in str(book.only("refused").account["facts"])


def named(raw: RawSystem, name: str, who: str) -> Any:
    """A request that signs nothing but a predicate's name, as a system without the SDK may."""
    body = raw.body(who)
    del body.items[:]
    body.items.add(resource="civil.resident", field="birth_date", form=signed_pb2.FORM_PREDICATE, necessity=1)
    body.items[0].predicate = name
    return raw.request(body, typed=who)


@pytest.mark.parametrize("name", ["unknown", "same_name"])
async def test_a_name_that_no_accepted_agreement_has_for_a_field_is_not_even_sent(
    city: City, school: AsyncClient, agree: Revisions, name: str
) -> None:
    agree()
    with logged(city) as book, pytest.raises(BadInput, match="no accepted agreement has"):
        await fetch(school, f"{BIRTH}=predicate({name})")
    assert book.kinds == []
    async with RawSystem(city) as raw:
        assert (await refused(raw.fetch(named(raw, name, BO)))).reason == "PREDICATE_NOT_AGREED"


async def test_a_name_is_signed_as_what_it_means_in_the_agreement_that_the_own_steward_accepted(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    agree()
    row = (await fetch(school, f"{BIRTH}=predicate(adult)", subject=BO))[BIRTH]
    assert (row.value, row.asked) == (True, "age_at_least(18)")
    agree.unseen([{**ADULT, "value": "60"}, SAME_NAME])
    async with RawSystem(city) as raw:
        # By the bare name another question is answered, and nothing tells.
        request = named(raw, "adult", BO)
        (answer,) = (await raw.fetch(request)).answers
        assert [one.text for one in raw.opened(request, answer).fields] == ["false"]
    with pytest.raises(RequestRefused) as refusal:
        await fetch(school, f"{BIRTH}=predicate(adult)", subject=BO)
    assert refusal.value.code == "PREDICATE_NOT_AGREED"
    agree()


async def test_an_equality_is_answered_and_its_operand_lies_nowhere(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    agree()
    name = Item.parse("civil.resident:name=equals")
    assert (await fetch(school, name.compared_with("欧阳 静好")))["civil.resident:name"].value is True
    wrong = "某某某某某某"
    assert (await fetch(school, name.compared_with(wrong)))["civil.resident:name"].value is False
    for file in [*city.folder.rglob("*")]:
        if file.is_file():
            assert wrong.encode() not in file.read_bytes(), file.name


async def test_a_gateway_that_exchanges_an_operand_gets_no_answer(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    agree()

    async def exchange(honest: Any, orders: Any, deadline_s: float) -> Any:
        for order in orders:
            order.operands["name"] = "欧阳静好"
        return await honest(orders, deadline_s)

    with between(city, exchange), pytest.raises(RequestRefused) as refusal:
        await fetch(school, Item.parse("civil.resident:name=equals").compared_with("李博文"))
    assert refusal.value.code == "ALL_PROVIDERS_SILENT"
    assert refusal.value.facts["providers"] == "civil/civil.resident=NODE_REFUSED"


async def test_a_profile_field_is_compared_in_the_vault_and_does_not_leave_it(city: City, school: AsyncClient) -> None:
    city.agree(
        "data-bureau",
        "oncegate.profile",
        {"phone": ["predicate", "masked"], "mailing_address": ["value"]},
        revision=2,
        predicates=[SAME_PHONE],
    )
    async with people_door(city) as people:
        await people.profile.SetProfileField(
            profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000"),
            metadata=bearer(city.token("person", resident=ALICE)),
        )
    phone = Item.parse("oncegate.profile:phone=equals|masked")
    answers = [
        (await fetch(school, phone.compared_with(operand), subject=subject))["oncegate.profile:phone"].value
        for operand, subject in (("+86 138 0013 8000", ALICE), ("13800138001", ALICE), ("13800138000", BO))
    ]
    assert answers == [True, False, None]


async def test_a_consumer_that_asks_fifteen_le_questions_is_stopped_at_the_gateway(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    answers: list[str] = []
    for year in range(1940, 1955):
        question = {
            "name": f'"y{year}"',
            "field": '"birth_date"',
            "operator": '"le"',
            "value": f"{year}-01-01",
        }
        agree({"birth_date": ["predicate"]}, [question])
        try:
            row = (await fetch(school, f"{BIRTH}=le({year}-01-01)", subject=CHEN))[BIRTH]
            answers.append(str(row.value))
        except RequestRefused as refusal:
            answers.append(refusal.code if refusal.retry_after_ms else "no time to wait for")
    assert answers == ["False"] * 3 + ["PREDICATES_EXHAUSTED"] * 12
    agree()
    with logged(city) as book, pytest.raises(RequestRefused):
        await fetch(school, f"{BIRTH}=age_at_least(18)", subject=CHEN)
    assert book.only("refused").account["reason"] == "PREDICATES_EXHAUSTED"


async def test_where_the_gateway_does_not_count_the_node_does_and_it_looks_like_no_record(
    city: City, school: AsyncClient, agree: Revisions
) -> None:
    agree()
    assert city.gateway is not None
    city.gateway._record._guesses = GuessLimits(16, 1, 1000)
    try:
        name = Item.parse("civil.resident:name=equals")
        guessed = [
            (await fetch(school, name.compared_with(f"陈{letter}"), subject=CHEN))["civil.resident:name"]
            for letter in "一二三四五六七"
        ]
        assert [row.value for row in guessed] == [False] * 5 + [None] * 2
        nobody = (await fetch(school, name.compared_with("陈"), subject=NOBODY))["civil.resident:name"]
        assert guessed[-1] == nobody
    finally:
        city.gateway._record._guesses = GuessLimits()
    with pytest.raises(RequestRefused) as refusal:
        await fetch(school, name.compared_with("陈某某"), subject=CHEN)
    assert refusal.value.code == "GUESSES_EXHAUSTED"


@pytest.mark.parametrize(
    ("operands", "rule"),
    [
        ([], "operands"),
        ([("civil.resident", "name", "")], "operands[0]"),
        ([("civil.resident", "name", "x" * 513)], "operands[0]"),
        ([("civil.resident", "name", "张三")], "operands[0]"),
        ([("civil.resident", "birth_date", "李博文")], "operands[0]"),
        ([("civil.resident", "name", "李博文")] * 2, "operands[1]"),
        ([("civil.resident", "name", "李博文"), ("a.b", "c", "d")], "operands[1]"),
        ([("a.b", f"c{n}", "d") for n in range(65)], "operands"),
    ],
)
async def test_operands_that_do_not_fit_the_request_are_refused_and_recorded_without_them(
    city: City, agree: Revisions, operands: list[tuple[str, str, str]], rule: str
) -> None:
    agree()
    async with RawSystem(city) as raw:
        commitment = operand_commitment(b"n" * 32, "civil.resident", "name", "李博文")
        item = signed_pb2.RequestItem(
            resource="civil.resident",
            field="name",
            form=signed_pb2.FORM_PREDICATE,
            necessity=signed_pb2.NECESSITY_REQUIRED,
            operator=signed_pb2.PREDICATE_OPERATOR_EQUALS,
            operand_commitment=commitment,
        )
        body = raw.body(BO)
        del body.items[:]
        body.items.append(item)
        message = raw.request(body, typed=BO)
        for resource, field, value in operands:
            message.operands.add(resource=resource, field=field, value=value)
        before = answered(city)
        with logged(city) as book:
            refusal = await refused(raw.fetch(message))
    assert refusal.reason == "BAD_REQUEST"
    assert set(refusal.violations) == {rule}
    assert book.kinds == ["refused"]
    assert answered(city) == before
    assert "张三" not in refusal.everything.decode(errors="replace") + str(book.only("refused").account)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"operator": 99}, "items[0].operator"),
        ({"constants": ["18", "19"]}, "items[0].constants"),
        ({"constants": ["x" * 200]}, "items[0].constants"),
        ({"constants": []}, "items[0].constants"),
        ({"predicate": "adult"}, "items[0].predicate"),
        ({"accepted": [signed_pb2.FORM_PREDICATE]}, "items[0].accepted"),
        ({"accepted": [77]}, "items[0].accepted"),
        ({"operand_commitment": b"short"}, "items[0].operand_commitment"),
        ({"operand_commitment": b"c" * 32}, "items[0].operand_commitment"),
        ({"form": signed_pb2.FORM_VALUE}, "items[0].predicate"),
        ({"form": 6}, "items[0].form"),
    ],
)
async def test_a_predicate_that_breaks_the_contract_is_refused_with_its_place(
    city: City, change: dict[str, Any], path: str
) -> None:
    async with RawSystem(city) as raw:
        said: dict[str, Any] = {
            "resource": "civil.resident",
            "field": "birth_date",
            "form": signed_pb2.FORM_PREDICATE,
            "necessity": signed_pb2.NECESSITY_REQUIRED,
            "operator": signed_pb2.PREDICATE_OPERATOR_AGE_AT_LEAST,
            "constants": ["18"],
        }
        body = raw.body()
        del body.items[:]
        body.items.append(signed_pb2.RequestItem(**said | change))
        refusal = await refused(raw.fetch(raw.request(body)))
    assert refusal.reason == "BAD_REQUEST"
    assert set(refusal.violations) == {path}
