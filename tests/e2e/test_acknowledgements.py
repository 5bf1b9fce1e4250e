"""What a system says it received: taken over real sockets, once, and only of what was released to that very system."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.audit.joining import Statements, gaps
from keys.acknowledgement import LARGEST_STATEMENT, MOST_ACKNOWLEDGEMENTS, Acknowledgement
from keys.signing import ACKNOWLEDGEMENT, REQUEST, SigningKey, digest
from nodes.consumer import AsyncClient, GatewayUnreachable, UntrustedAnswer
from oncegate.v1 import exchange_pb2, signed_pb2
from tests.support.acknowledging import acknowledge, eventually, message, outcome_of, received, signed
from tests.support.city import ALICE, BO, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, RECORD, RawSystem, refused
from tests.support.log_book import logged

pytestmark = shared_city("e2e-acknowledgements")


async def fetched(client: AsyncClient, who: str = ALICE, **more: str) -> int:
    answer = await client.fetch(
        subject=("cn.resident-id", who),
        purpose=PURPOSE,
        basis="mandate",
        items=["civil.resident:name=value", "housing.property:location=value"],
        **more,  # type: ignore[arg-type]
    )
    return answer.outcome.leaf_index


async def test_what_the_sdk_received_is_on_the_log_in_one_entry_when_it_closes(city: City) -> None:
    with logged(city) as book:
        async with city.client(acknowledge=True) as client:
            outcomes = [await fetched(client, who) for who in (ALICE, BO, ALICE)]
            located = await client.locate(
                subject=("cn.resident-id", ALICE), purpose=PURPOSE, basis="mandate", resources=["civil.resident"]
            )
            outcomes.append(located.outcome.leaf_index)
            assert client.acknowledger is not None
            assert client.acknowledger.waiting == 4
        assert client.acknowledger.delivered == 4
    said = book.only("acknowledged")
    assert (said.account["department"], said.account["differs"]) == ("education", [])
    assert said.personal is None
    statement = Statements().open(said)
    assert statement is not None
    assert [one.entry for one in statement.acknowledgements] == outcomes
    for entry in book.entries:
        if entry.kind == "released":
            asked = city.parts.ledger.entry(int(entry.account["request"]))
            assert gaps(asked, entry, [said]) == []


async def test_a_client_that_stays_open_acknowledges_within_seconds_and_never_in_the_way_of_an_answer(
    city: City,
) -> None:
    async with city.client(acknowledge=True) as client:
        outcome = await fetched(client)
        await eventually(lambda: bool(city.parts.ledger.joins.acknowledging([outcome])))


async def test_a_client_that_is_told_not_to_acknowledges_nothing(city: City) -> None:
    with logged(city) as book:
        async with city.client() as client:
            assert client.acknowledger is None
            await fetched(client)
    assert book.kinds == ["asked", "released"]


async def test_what_could_not_be_delivered_is_kept_and_sent_by_whoever_opens_the_home_next(city: City) -> None:
    client = city.client(acknowledge=True)
    outcome = await fetched(client)
    await city.stop_gateway()
    await client.close()
    folder = city.member_home("education", "school") / "acknowledgements"
    [kept] = folder.iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert ALICE.encode() not in kept.read_bytes()
    await city.start_gateway()
    await city.synced("civil", 3)
    await city.synced("housing", 2)
    with logged(city) as book:
        async with city.client(acknowledge=True) as later:
            second = await fetched(later)
    statement = Statements().open(book.only("acknowledged"))
    assert statement is not None
    assert {one.entry for one in statement.acknowledgements} == {outcome, second}
    assert list(folder.iterdir()) == []


async def test_an_answer_that_does_not_hold_is_acknowledged_as_wrong_with_the_check_that_failed(
    city: City, raw: RawSystem
) -> None:
    async with city.client(acknowledge=True) as client:
        prepared = client.prepare(
            subject=("cn.resident-id", ALICE), purpose=PURPOSE, basis="mandate", items=["civil.resident:name=value"]
        )
        request = exchange_pb2.FetchRequest(
            body=prepared.body,
            signature=prepared.signature,
            keys=signed_pb2.CertifiedKeys(
                body=raw.keys.body, signature=raw.keys.signature, department_key=raw.keys.department_key
            ),
            subject_identifier=prepared.identifier,
            subject_nonce=prepared.nonce,
        )
        response = await raw.fetch(request)
        # Somebody on the way put other bytes in the place of what the node sealed.
        response.answers[0].sealed = bytes(len(response.answers[0].sealed))
        session = client._current()
        with pytest.raises(UntrustedAnswer) as caught:
            client._received(prepared, response, lambda: session.verifier.fetched(prepared, response, 0))
        with logged(city) as book:
            await client.close()
    said = book.only("acknowledged")
    assert said.account["differs"] == [outcome_of(response)]
    release = city.parts.ledger.entry(outcome_of(response))
    [gap] = gaps(city.parts.ledger.entry(int(release.account["request"])), release, [said])
    assert (str(gap.kind), gap.about) == ("RECEIVED_WRONG", str(caught.value.reason))


async def test_saying_the_same_again_writes_nothing_and_saying_more_writes_only_once(
    city: City, raw: RawSystem
) -> None:
    requests = [raw.asking(ALICE, items=[NAME, LOCATION]), raw.asking(BO)]
    first, second = [received(request, await raw.fetch(request)) for request in requests]
    batch = signed(raw, first)
    with logged(city) as book:
        taken = await acknowledge(raw, batch)
        again = await acknowledge(raw, batch)
        both = await acknowledge(raw, signed(raw, first, second))
        anew = await acknowledge(raw, signed(raw, second, first))
    assert book.kinds == ["acknowledged", "acknowledged"]
    assert [(r.recorded, r.known, r.HasField("promise")) for r in (taken, again, both, anew)] == [
        (1, 0, True),
        (0, 1, False),
        (1, 1, True),
        (0, 2, False),
    ]
    promise = signed_pb2.PromiseBody.FromString(taken.promise.body)
    assert promise.leaf_index == book.entries[0].leaf_index


async def test_the_same_batch_sent_twice_at_once_is_written_once(city: City, raw: RawSystem) -> None:
    request = raw.asking()
    batch = signed(raw, received(request, await raw.fetch(request)))
    with logged(city) as book:
        results = await asyncio.gather(*(acknowledge(raw, batch) for _ in range(6)), return_exceptions=True)
    assert book.kinds == ["acknowledged"]
    assert sum(r.recorded for r in results if isinstance(r, exchange_pb2.AcknowledgeResponse)) == 1


async def test_a_batch_survives_the_gateway_being_stopped_and_its_repeat_is_known_afterwards(
    city: City, raw: RawSystem
) -> None:
    request = raw.asking()
    batch = signed(raw, received(request, await raw.fetch(request)))
    await acknowledge(raw, batch)
    await city.stop_gateway()
    await city.start_gateway()
    await city.synced("civil", 3)
    await city.synced("housing", 2)
    assert (await acknowledge(raw, batch)).known == 1


async def test_what_contradicts_the_gateways_record_is_written_down_all_the_same(city: City, raw: RawSystem) -> None:
    request = raw.asking()
    said = received(request, await raw.fetch(request))
    with logged(city) as book:
        await acknowledge(raw, signed(raw, replace(said, received=(b"x" * 32,))))
    assert book.only("acknowledged").account["differs"] == [said.entry]


async def test_nobody_acknowledges_what_another_received_and_learns_nothing_of_whether_there_is_such_an_entry(
    city: City, raw: RawSystem
) -> None:
    request = raw.asking()
    said = received(request, await raw.fetch(request))
    far = replace(said, entry=1 << 40)
    asked = replace(said, entry=said.entry - 1)
    another = replace(said, request=b"r" * 32)
    async with RawSystem(city, "tourism", "booking") as booking:
        with logged(city) as book:
            refusals = [
                await refused(acknowledge(system, signed(system, one)))
                for system, one in ((booking, said), (booking, far), (raw, far), (raw, asked), (raw, another))
            ]
    assert book.kinds == []
    assert {(r.status, r.reason, json.dumps(dict(r.violations))) for r in refusals} == {
        (
            "INVALID_ARGUMENT",
            "BAD_REQUEST",
            json.dumps(
                {"acknowledgements[0].entry": "must be the outcome of a release to this system about this request"}
            ),
        )
    }


async def test_only_the_system_itself_can_speak_for_it(city: City, raw: RawSystem) -> None:
    request = raw.asking()
    said = received(request, await raw.fetch(request))
    honest = signed(raw, said)
    async with RawSystem(city, "tourism", "booking") as booking:
        cases = {
            "BAD_SIGNATURE": [
                (raw, message(raw, honest.statement, SigningKey.generate().sign(ACKNOWLEDGEMENT, honest.statement))),
                # A signature made for something else is worth nothing here.
                (raw, message(raw, honest.statement, raw.signing.sign(REQUEST, honest.statement))),
                (raw, message(raw, honest.statement.replace(b'"wrong":""', b'"wrong":"SEALED"'), honest.signature)),
            ],
            "BAD_KEY_CERTIFICATE": [(booking, honest)],
            "WRONG_SYSTEM": [(booking, signed(booking, said, system=raw.spiffe))],
            "WRONG_GATEWAY": [(raw, signed(raw, said, trust_domain="elsewhere.test"))],
        }
        with logged(city) as book:
            for reason, attempts in cases.items():
                for system, attempt in attempts:
                    assert (await refused(acknowledge(system, attempt))).reason == reason
    assert book.kinds == []


async def test_a_system_whose_certificate_was_revoked_acknowledges_nothing(city: City) -> None:
    await city.enrol("education", "system", "leaver")
    async with RawSystem(city, "education", "leaver") as leaver:
        city.parts.membership.revoke_certificate(leaver.spiffe, "left")
        refusal = await refused(acknowledge(leaver, signed(leaver, Acknowledgement(0, b"r" * 32, ()))))
    assert refusal.reason == "CERTIFICATE_REVOKED"


async def test_batches_are_bounded_and_spelled_in_one_way(city: City, raw: RawSystem) -> None:
    one = Acknowledgement(0, b"r" * 32, ())
    many = [replace(one, entry=n) for n in range(MOST_ACKNOWLEDGEMENTS + 1)]
    honest = signed(raw, one).statement
    long = b'{"padding":"' + b"x" * LARGEST_STATEMENT + b'"}'
    cases = {
        signed(raw, *many).statement: "acknowledgements",
        signed(raw).statement: "acknowledgements",
        signed(raw, one, one).statement: "acknowledgements",
        signed(raw, replace(one, wrong="NONSENSE")).statement: "acknowledgements[0].wrong",
        honest.replace(b'":"', b'" :"', 1): "statement",
        honest.replace(b"acknowledgement/1", b"acknowledgement/2"): "statement",
        honest.replace(b'"entry":0', b'"entry":-1'): "acknowledgements[0].entry",
        honest.replace(b'"entry":0', b'"entry":true'): "acknowledgements[0].entry",
        honest.replace(b"72" * 32, b"7X" * 32): "acknowledgements[0].request",
        b"": "statement",
        b"\xff": "statement",
        long: "statement",
    }
    with logged(city) as book:
        for body, field in cases.items():
            attempt = message(raw, body, raw.signing.sign(ACKNOWLEDGEMENT, body))
            refusal = await refused(acknowledge(raw, attempt))
            assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [field]), body[:200]
    assert book.kinds == []


async def test_the_log_names_what_left_by_digest(city: City, raw: RawSystem) -> None:
    request = raw.asking(ALICE, items=[NAME, LOCATION])
    response = await raw.fetch(request)
    named = city.parts.ledger.entry(outcome_of(response)).account["receipts"]
    assert [(one["department"], one["resource"], one["ticket"], one["receipt"]) for one in named] == [
        (a.department, a.resource, a.ticket_digest.hex(), digest(a.receipt.body).hex()) for a in response.answers
    ]
    located = await raw.locate(raw.asking(items=[RECORD]))
    named = city.parts.ledger.entry(outcome_of(located)).account["receipts"]
    assert named == [{"resource": "oncegate.locate", "sealed": digest(located.sealed).hex()}]


async def test_a_fetch_is_answered_though_nothing_can_be_acknowledged(city: City) -> None:
    client = city.client(acknowledge=True)
    await fetched(client)
    await city.stop_gateway()
    with pytest.raises(GatewayUnreachable):
        await fetched(client)
    await city.start_gateway()
    await city.synced("civil", 3)
    await city.synced("housing", 2)
    await fetched(client)
    await client.close()
    assert client.acknowledger is not None
    assert (client.acknowledger.delivered, client.acknowledger.lost) == (2, 0)
