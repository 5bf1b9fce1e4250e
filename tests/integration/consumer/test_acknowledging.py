"""The SDK says what it received, over real mutual TLS: in batches, again when it must, and never in the way."""

import asyncio
import time

import grpc
import pytest

from keys.acknowledgement import MOST_ACKNOWLEDGEMENTS, Acknowledgement, Statement, read_statement
from keys.key_certificates import open_certified, verify_key
from keys.signing import ACKNOWLEDGEMENT, digest, fingerprint_of
from nodes.clock import SystemClock
from nodes.consumer import AsyncClient, Client, UntrustedAnswer
from nodes.consumer import acknowledging as module
from nodes.consumer.acknowledging import Acknowledger
from nodes.enrolment.home import Home
from oncegate.v1 import exchange_pb2
from tests.integration.consumer.server import Doors, refused
from tests.support.acknowledging import eventually
from tests.support.exchange_gateway import RESIDENT

ASK = {
    "subject": ("cn.resident-id", RESIDENT),
    "purpose": "school_enrolment",
    "basis": "mandate",
    "items": ["civil.resident:name=value", "tax.payer:name=masked?"],
}


def client(home: Home) -> AsyncClient:
    return AsyncClient(home.path, renew=False, jitter=lambda: 0.0)


def acknowledger(asking: AsyncClient) -> Acknowledger:
    assert asking.acknowledger is not None
    return asking.acknowledger


def told(doors: Doors) -> list[Acknowledgement]:
    return [one for request in doors.acknowledged for one in read_statement(request.statement).acknowledgements]


async def fetch(asking: AsyncClient) -> int:
    answer = await asking.fetch(**ASK)  # type: ignore[arg-type]
    return answer.outcome.leaf_index


async def test_a_batch_is_signed_by_the_system_and_names_entry_request_and_receipts(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        answer = await asking.fetch(**ASK)  # type: ignore[arg-type]
    [request] = doors.acknowledged
    keys = home.certified()
    certificate = open_certified(
        keys, accepted_fingerprint=fingerprint_of(keys.department_key), now_ms=SystemClock().now_ms()
    )
    verify_key(certificate).verify(ACKNOWLEDGEMENT, request.statement, request.signature)
    statement = read_statement(request.statement)
    assert statement.system == str(home.spiffe())
    [said] = statement.acknowledgements
    assert said.entry == answer.outcome.leaf_index
    assert said.request == digest(exchange_pb2.FetchRequest.FromString(doors.requests[0]).body)
    assert set(said.received) == {digest(p.receipt.item.body) for p in answer.providers if p.receipt is not None}
    assert said.wrong == ""
    assert RESIDENT.encode() not in request.statement


async def test_nothing_is_sent_while_answers_are_fetched_and_all_of_it_in_one_batch_at_the_end(
    doors: Doors, home: Home
) -> None:
    async with client(home) as asking:
        for _ in range(5):
            await fetch(asking)
        assert doors.acknowledged == []
        assert acknowledger(asking).waiting == 5
    # A batch names each entry once, and this simulated gateway gives every answer the same place in its log.
    assert acknowledger(asking).delivered == len(told(doors)) == 5


async def test_a_program_without_an_event_loop_acknowledges_as_well(doors: Doors, home: Home) -> None:
    def ask() -> None:
        with Client(home.path, renew=False) as asking:
            asking.fetch(**ASK)  # type: ignore[arg-type]
        with Client(home.path, renew=False, acknowledge=False) as asking:
            asking.fetch(**ASK)  # type: ignore[arg-type]

    await asyncio.to_thread(ask)
    assert len(told(doors)) == 1


@pytest.mark.parametrize(
    "failure",
    [
        refused("RESOURCE_EXHAUSTED", "OVERLOADED", retry_ms=10),
        refused("UNAVAILABLE", "LEDGER_UNAVAILABLE", retry_ms=10),
        refused("UNAUTHENTICATED", "CERTIFICATE_EXPIRED"),
        grpc.StatusCode.INTERNAL,
    ],
)
async def test_what_the_gateway_does_not_take_now_is_kept_for_the_next_client(
    doors: Doors, home: Home, failure: object
) -> None:
    async with client(home) as asking:
        await fetch(asking)
        doors.acknowledge_failures.extend([failure] * 3)  # type: ignore[list-item]
    doors.acknowledge_failures.clear()
    assert doors.acknowledged == []
    folder = home.path / "acknowledgements"
    assert len(list(folder.iterdir())) == 1
    async with client(home) as later:
        await fetch(later)
    assert len(told(doors)) >= 1
    assert list(folder.iterdir()) == []


async def test_what_is_refused_by_name_is_dropped_and_the_rest_is_delivered(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        one = acknowledger(asking)
        await fetch(asking)
        [good] = one._waiting
        one._waiting.extend(
            [Acknowledgement(good.entry + 1, good.request, ()), Acknowledgement(good.entry + 2, good.request, ())]
        )
        violations = {"acknowledgements[1].entry": "must be the outcome of a release to this system"}
        doors.acknowledge_failures.append(refused("INVALID_ARGUMENT", "BAD_REQUEST", violations=violations))
    assert [said.entry for said in told(doors)] == [good.entry, good.entry + 2]
    assert (one.delivered, one.refused, one.lost) == (2, 1, 0)


async def test_a_gateway_that_does_not_know_acknowledgements_gets_none_and_fetches_go_on(
    doors: Doors, home: Home
) -> None:
    async with client(home) as asking:
        await fetch(asking)
        doors.acknowledge_failures.append(grpc.StatusCode.UNIMPLEMENTED)
    assert (acknowledger(asking).refused, acknowledger(asking).lost) == (1, 0)
    assert not (home.path / "acknowledgements").exists()


async def test_when_a_whole_batch_waits_it_does_not_wait_for_the_clock(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        one = acknowledger(asking)
        one._delay_s = 3600.0
        _fill(one, MOST_ACKNOWLEDGEMENTS - 1)
        await fetch(asking)
        await eventually(lambda: bool(doors.acknowledged))
        assert len(told(doors)) == MOST_ACKNOWLEDGEMENTS


async def test_a_gateway_that_answers_again_is_told_at_once_and_not_after_the_pause(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        one = acknowledger(asking)
        one._delay_s = 0.0
        doors.acknowledge_failures.extend([grpc.StatusCode.INTERNAL] * 4)
        begun = time.monotonic()
        while doors.acknowledge_failures:
            left = len(doors.acknowledge_failures)
            await fetch(asking)
            await eventually(lambda left=left: one._unreached and len(doors.acknowledge_failures) < left)  # type: ignore[misc]
        await fetch(asking)
        await eventually(lambda: one.waiting == 0)
        # Without that, the pauses alone are 1 + 2 + 4 + 8 s.
        assert time.monotonic() - begun < 5.0
    assert len(told(doors)) == 5


async def test_what_no_longer_fits_is_counted_and_never_in_the_way(doors: Doors, home: Home) -> None:
    asking = client(home)
    one = acknowledger(asking)
    _fill(one, module.MOST_WAITING)
    await fetch(asking)
    assert (one.waiting, one.lost) == (module.MOST_WAITING, 1)
    await asking.close()
    assert len(doors.acknowledged) == 0
    kept = [read_statement(path.read_bytes()) for path in (home.path / "acknowledgements").iterdir()]
    assert sum(len(statement.acknowledgements) for statement in kept) == module.MOST_WAITING


async def test_an_answer_that_does_not_verify_is_told_with_the_check_that_failed(doors: Doors, home: Home) -> None:
    honest = doors.gateway.fetched
    doors.gateway.fetched = lambda request: _swapped(honest(request))  # type: ignore[method-assign]
    async with client(home) as asking:
        with pytest.raises(UntrustedAnswer) as caught:
            await fetch(asking)
    [said] = told(doors)
    assert said.wrong == str(caught.value.reason)


async def test_an_answer_that_names_no_entry_is_counted_as_lost(doors: Doors, home: Home) -> None:
    honest = doors.gateway.fetched

    def bare(request: exchange_pb2.FetchRequest) -> exchange_pb2.FetchResponse:
        response = honest(request)
        response.ClearField("outcome")
        return response

    doors.gateway.fetched = bare  # type: ignore[method-assign]
    async with client(home) as asking:
        with pytest.raises(UntrustedAnswer):
            await fetch(asking)
    assert (acknowledger(asking).lost, doors.acknowledged) == (1, [])


@pytest.mark.parametrize("content", [b"", b"not json", b"{}"])
async def test_a_kept_file_that_is_damaged_is_left_alone_and_stops_nothing(
    doors: Doors, home: Home, content: bytes
) -> None:
    folder = home.path / "acknowledgements"
    folder.mkdir(mode=0o700)
    damaged, open_to_all = folder / "a.json", folder / "b.json"
    damaged.write_bytes(content)
    damaged.chmod(0o600)
    good = Statement(str(home.spiffe()), "gov.test", 0, (Acknowledgement(9, b"r" * 32, ()),))
    open_to_all.write_bytes(good.to_bytes())
    open_to_all.chmod(0o644)
    async with client(home) as asking:
        await fetch(asking)
    assert len(told(doors)) == 1
    assert sorted(folder.iterdir()) == [damaged, open_to_all]


async def test_closing_waits_a_moment_only(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        await fetch(asking)
        doors.acknowledge_failures.extend([grpc.StatusCode.UNAVAILABLE] * 50)
        start = time.monotonic()
    assert time.monotonic() - start < module.CLOSE_S + 3
    assert len(list((home.path / "acknowledgements").iterdir())) == 1


def _fill(one: Acknowledger, count: int) -> None:
    one._waiting.extend(Acknowledgement(1_000_000 + n, b"r" * 32, ()) for n in range(count))


def _swapped(response: exchange_pb2.FetchResponse) -> exchange_pb2.FetchResponse:
    response.answers[0].sealed = b"x" * len(response.answers[0].sealed)
    return response


async def test_what_comes_along_during_a_delivery_waits_for_a_batch_of_its_own(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        one = acknowledger(asking)
        one._delay_s = 3600.0
        _fill(one, MOST_ACKNOWLEDGEMENTS - 1)
        await fetch(asking)
        further = 0
        # As long as there is always one more than the last batch took along, a delivery must not go on by itself.
        while further < 200:
            one._waiting.append(Acknowledgement(2_000_000 + further, b"r" * 32, ()))
            further += 1
            await asyncio.sleep(0.0005)
        await eventually(lambda: bool(doors.acknowledged))
        assert len(doors.acknowledged) <= 2
    assert len({said.entry for said in told(doors)}) == MOST_ACKNOWLEDGEMENTS + further
