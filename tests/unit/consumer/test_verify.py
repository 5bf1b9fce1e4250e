"""What an honest answer becomes, and that every lie about it is noticed."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from keys.batch import scope, sign_batch
from keys.certificates.spiffe import SpiffeId
from keys.sealing import SealingKey
from keys.signing import PROMISE, SigningKey
from nodes.consumer.answer import RowStatus
from nodes.consumer.distrust import PUBLIC, Distrust, UntrustedAnswer
from nodes.consumer.items import Item
from oncegate.v1 import exchange_pb2, signed_pb2
from policies.vocabulary import Form
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway, signed_item
from tests.unit.consumer.conftest import Asker

NAME = "civil.resident:name=value"
YEAR = "civil.resident:birth_date=year"
TAX = "tax.payer:name=masked?"


def test_an_honest_answer_has_one_typed_row_per_item_in_the_order_asked(asker: Asker) -> None:
    answer = asker.fetch(TAX, NAME, YEAR)
    assert [row.value for row in answer] == ["王*", "王小明", 1949]
    [full] = asker.fetch("civil.resident:birth_date=value")
    assert (full.value, full.text) == (date(1949, 12, 31), "1949-12-31")
    assert asker.fetch("civil.resident:name=exists")["civil.resident:name"].value is True
    assert answer.complete
    assert not answer.replayed
    assert answer["tax.payer:name"].department == "tax"
    assert answer["civil.resident:name"].as_of_ms == asker.gateway.now_ms - 86_400_000
    assert answer.outcome.leaf_index > answer.asked.leaf_index
    assert {(p.department, p.answered) for p in answer.providers} == {("civil", True), ("tax", True)}
    assert answer[Item("civil.resident", "birth_date", Form.YEAR)].value == 1949
    with pytest.raises(KeyError):
        answer["civil.resident:address"]


def test_a_row_never_shows_its_value_in_its_repr(asker: Asker) -> None:
    row = asker.fetch(NAME)["civil.resident:name"]
    assert "王小明" not in repr(row)
    assert row.released


def test_a_field_without_a_value_is_not_available_and_says_no_more(asker: Asker) -> None:
    del asker.gateway.providers["civil.resident"].values["name"]
    row = asker.fetch(NAME)["civil.resident:name"]
    assert (row.status, row.value, row.as_of_ms, row.reason) == (RowStatus.NOT_AVAILABLE, None, None, "")


def test_a_silent_provider_is_named_with_its_reason_and_makes_the_answer_incomplete(asker: Asker) -> None:
    asker.gateway.providers["civil.resident"].silent = "NODE_DOWN"
    answer = asker.fetch(NAME, TAX)
    row = answer["civil.resident:name"]
    assert (row.status, row.department, row.reason) == (RowStatus.SILENT, "civil", "NODE_DOWN")
    assert row.reason_text.zh
    assert not answer.complete


def test_a_gateway_that_calls_an_answer_complete_while_a_required_provider_is_silent_is_not_followed(
    asker: Asker,
) -> None:
    asker.gateway.providers["civil.resident"].silent = "DEADLINE"

    def claim(response: exchange_pb2.FetchResponse) -> None:
        response.complete = True

    asker.gateway.twists["response"] = claim
    assert not asker.fetch(NAME).complete


def test_silence_about_an_optional_item_leaves_the_answer_complete(asker: Asker) -> None:
    asker.gateway.providers["tax.payer"].silent = "NOT_CONNECTED"
    assert asker.fetch(NAME, TAX).complete


def test_a_withheld_optional_item_has_its_reason_in_our_own_words(asker: Asker) -> None:
    asker.gateway.withheld["tax.payer", "name"] = "NOT_IN_AGREEMENT"
    row = asker.fetch(NAME, TAX)["tax.payer:name"]
    assert (row.status, row.department, row.reason) == (RowStatus.WITHHELD, "", "NOT_IN_AGREEMENT")
    assert row.reason_text.en == "The agreement does not include this field"


def test_a_reason_that_is_no_code_is_shown_as_unknown(asker: Asker) -> None:
    asker.gateway.withheld["tax.payer", "name"] = "\x1b[31m look here"
    row = asker.fetch(NAME, TAX)["tax.payer:name"]
    assert row.reason == "UNKNOWN"
    assert "\x1b" not in row.reason_text.en


def test_a_form_that_the_item_accepts_instead_is_taken_and_shown_as_it_is(asker: Asker) -> None:
    def other(body: signed_pb2.AnswerBody) -> None:
        body.fields[0].form = signed_pb2.FORM_VALUE
        body.fields[0].text = "王小明"

    asker.gateway.twists["answer_body"] = other
    row = asker.fetch("civil.resident:name=masked|value")["civil.resident:name"]
    assert (str(row.form), row.asked, row.value) == ("value", "masked", "王小明")
    with pytest.raises(UntrustedAnswer):
        asker.fetch("civil.resident:name=masked")


def test_the_answer_to_a_predicate_is_yes_or_no_and_names_what_was_asked(asker: Asker) -> None:
    def answered(text: str) -> Callable[[signed_pb2.AnswerBody], None]:
        def yes(body: signed_pb2.AnswerBody) -> None:
            body.fields[0].form = signed_pb2.FORM_PREDICATE
            body.fields[0].text = text

        return yes

    adult = "civil.resident:birth_date=age_at_least(18)"
    asker.gateway.twists["answer_body"] = answered("true")
    row = asker.fetch(adult)[adult]
    assert (row.value, row.asked, str(row.form)) == (True, "age_at_least(18)", "predicate")
    asker.gateway.twists["answer_body"] = answered("1990-01-31")
    with pytest.raises(UntrustedAnswer):
        asker.fetch(adult)


def _set(**values: Any) -> Callable[[Any], None]:
    def twist(message: Any) -> None:
        for name, value in values.items():
            setattr(message, name, value)

    return twist


def _drop_field(body: signed_pb2.AnswerBody) -> None:
    del body.fields[0]


def _more_fields(body: signed_pb2.AnswerBody) -> None:
    body.fields.add(field="phone", form=signed_pb2.FORM_VALUE, status=signed_pb2.FIELD_STATUS_RELEASED, text="1")


def _same_field_twice(body: signed_pb2.AnswerBody) -> None:
    body.fields.append(body.fields[0])


def _more_revealing(body: signed_pb2.AnswerBody) -> None:
    body.fields[0].form = signed_pb2.Form.FORM_VALUE
    body.fields[0].text = "1949-12-31"


def _bad_value(body: signed_pb2.AnswerBody) -> None:
    body.fields[0].text = "nineteen"


def _other_bytes(answer: exchange_pb2.ProviderAnswer) -> None:
    answer.sealed = answer.sealed[:-1] + bytes([answer.sealed[-1] ^ 1])


def _no_answers(response: exchange_pb2.FetchResponse) -> None:
    del response.answers[:]


def _twice(response: exchange_pb2.FetchResponse) -> None:
    response.answers.append(response.answers[0])


def _unasked_resource(response: exchange_pb2.FetchResponse) -> None:
    extra = response.answers.add()
    extra.CopyFrom(response.answers[0])
    extra.resource = "tax.payer"
    extra.status = exchange_pb2.PROVIDER_STATUS_SILENT


def _swap_promises(response: exchange_pb2.FetchResponse) -> None:
    response.outcome.CopyFrom(response.asked)


def _withhold_required(response: exchange_pb2.FetchResponse) -> None:
    response.withheld.add(
        resource="civil.resident", field="birth_date", form=signed_pb2.FORM_YEAR, reason="NOT_IN_AGREEMENT"
    )


def _forge_promise(response: exchange_pb2.FetchResponse) -> None:
    response.asked.signature = response.outcome.signature


@pytest.mark.parametrize(
    ("step", "twist", "reason"),
    [
        ("answer_body", _drop_field, Distrust.MISSING),
        ("answer_body", _more_fields, Distrust.UNASKED),
        ("answer_body", _same_field_twice, Distrust.UNASKED),
        ("answer_body", _more_revealing, Distrust.MISSING),
        ("answer_body", _bad_value, Distrust.MALFORMED),
        ("answer_body", _set(request_digest=b"\0" * 32), Distrust.SEALED),
        ("answer_body", _set(resource="tax.payer"), Distrust.SEALED),
        ("receipt", _set(ticket_digest=b"\0" * 32), Distrust.RECEIPT),
        ("receipt", _set(request_digest=b"\0" * 32), Distrust.RECEIPT),
        ("receipt", _set(node=f"spiffe://{DOMAIN}/department/civil/node/other"), Distrust.RECEIPT),
        ("receipt", _set(resource="tax.payer"), Distrust.RECEIPT),
        ("receipt", _set(ciphertext_digest=b"\0" * 32), Distrust.RECEIPT),
        ("provider_answer", _other_bytes, Distrust.RECEIPT),
        ("provider_answer", _set(session_id=b"x" * 16), Distrust.RECEIPT),
        ("provider_answer", _set(ticket_digest=b"\0" * 32), Distrust.RECEIPT),
        ("provider_answer", _set(department="tax"), Distrust.UNKNOWN_PROVIDER),
        ("provider_answer", _set(status=exchange_pb2.PROVIDER_STATUS_UNSPECIFIED), Distrust.MALFORMED),
        ("promise", _set(request_digest=b"\0" * 32), Distrust.PROMISE),
        ("promise", _set(leaf_hash=b"short"), Distrust.PROMISE),
        ("response", _set(request_id="another"), Distrust.MALFORMED),
        ("response", _no_answers, Distrust.MISSING),
        ("response", _twice, Distrust.MALFORMED),
        ("response", _unasked_resource, Distrust.UNASKED),
        ("response", _swap_promises, Distrust.PROMISE),
        ("response", _forge_promise, Distrust.PROMISE),
        ("response", _withhold_required, Distrust.UNASKED),
    ],
)
def test_every_lie_is_noticed_and_nothing_is_handed_out(
    asker: Asker, step: str, twist: Callable[[Any], None], reason: Distrust
) -> None:
    asker.gateway.twists[step] = twist
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(YEAR)
    assert caught.value.reason is reason
    assert caught.value.code == reason


def test_a_signed_body_that_does_not_parse_is_refused(asker: Asker) -> None:
    key = asker.gateway.promise_key
    garbage = sign_batch(key, PROMISE, scope(asker.home.trust().log_origin), [b"\xff\xff"])[0]
    asker.gateway.twists["response"] = lambda response: response.asked.CopyFrom(signed_item(garbage))
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(NAME)
    assert caught.value.reason is Distrust.MALFORMED


def test_an_answer_without_an_accepted_agreement_is_refused(asker: Asker) -> None:
    (asker.home.agreements / "civil-school.toml").unlink()
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(NAME)
    assert caught.value.reason is Distrust.UNKNOWN_PROVIDER


def test_node_keys_certified_by_a_key_that_the_gateway_made_up_are_refused(asker: Asker) -> None:
    _own_node(asker.gateway, key=SigningKey.generate())
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(NAME)
    assert caught.value.reason is Distrust.NODE_KEYS


def test_node_keys_of_another_department_are_refused_even_when_an_accepted_key_certified_them(asker: Asker) -> None:
    tax = asker.gateway.providers["tax.payer"]
    asker.gateway.write_agreement(
        asker.home.agreements,
        asker.gateway.providers["civil.resident"],
        signer=tax.key,
        id="odd",
        provider_key=tax.key.verify_key.fingerprint,
    )
    civil = asker.gateway.providers["civil.resident"]
    civil.spiffe, civil.signing, civil.keys = tax.spiffe, tax.signing, tax.keys
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(NAME)
    assert caught.value.reason is Distrust.NODE_KEYS


def test_a_system_of_the_provider_cannot_answer_as_its_node(asker: Asker) -> None:
    _own_node(asker.gateway, spiffe=SpiffeId(DOMAIN, "civil", "system", "desk"))
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(NAME)
    assert caught.value.reason is Distrust.NODE_KEYS


def test_expired_node_keys_are_refused(asker: Asker) -> None:
    _own_node(asker.gateway, days=1)
    with pytest.raises(UntrustedAnswer) as caught:
        asker.fetch(NAME)
    assert caught.value.reason is Distrust.NODE_KEYS


def test_an_answer_sealed_to_another_key_is_refused(asker: Asker) -> None:
    prepared = asker.prepare(NAME)
    response = asker.gateway.fetched(asker.message(prepared))
    asker.verifier._sealing = SealingKey.generate()
    with pytest.raises(UntrustedAnswer) as caught:
        asker.verifier.fetched(prepared, response, asker.gateway.now_ms)
    assert caught.value.reason is Distrust.SEALED


def test_the_answer_to_one_request_is_not_taken_as_the_answer_to_another(asker: Asker) -> None:
    first = asker.prepare(NAME, request_id="same")
    second = asker.prepare(NAME, request_id="same", case_reference="another case")
    response = asker.gateway.fetched(asker.message(first))
    with pytest.raises(UntrustedAnswer) as caught:
        asker.verifier.fetched(second, response, asker.gateway.now_ms)
    assert caught.value.reason is Distrust.PROMISE


def test_every_reason_of_distrust_has_a_text_in_both_languages() -> None:
    assert set(PUBLIC) == set(Distrust)
    assert all(text.zh and text.en for text in PUBLIC.values())


def test_the_verifier_forgets_nodes_rather_than_grow_without_bound(asker: Asker) -> None:
    asker.verifier._receipts.update({str(i).encode(): None for i in range(256)})  # type: ignore[misc]
    asker.fetch(NAME)
    assert len(asker.verifier._receipts) == 1


def _own_node(
    gateway: ExchangeGateway, key: SigningKey | None = None, spiffe: SpiffeId | None = None, days: int = 30
) -> None:
    side = gateway.providers["civil.resident"]
    side.spiffe = spiffe or side.spiffe
    side.keys = gateway.certify_node(key or side.key, side.spiffe, side.signing, SealingKey.generate(), days)
