from pathlib import Path

import pytest

from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.answer import Answer
from nodes.consumer.request import Prepared, Requester, prepare
from nodes.consumer.verify import AnswerVerifier
from nodes.enrolment.enrolment import certified_message
from nodes.enrolment.home import Home
from oncegate.v1 import exchange_pb2
from tests.support.exchange_gateway import RESIDENT, ExchangeGateway


class Asker:
    """A system and the gateway it asks, joined without a network."""

    def __init__(self, gateway: ExchangeGateway, home: Home) -> None:
        self.gateway = gateway
        self.home = home
        sealing = home.sealing_key()
        self.requester = Requester(home.spiffe(), home.signing_key(), sealing.key_id)
        self.accepted = AcceptedProviders(home.agreements, "school")
        self.verifier = AnswerVerifier(home.trust(), self.accepted, sealing)

    def prepare(self, *items: str, **more: str) -> Prepared:
        return prepare(
            self.requester,
            subject=("cn.resident-id", RESIDENT),
            purpose="school_enrolment",
            basis="mandate",
            items=items,
            now_ms=self.gateway.now_ms,
            random_bytes=bytes,
            **more,
        )

    def message(self, prepared: Prepared) -> exchange_pb2.FetchRequest:
        return exchange_pb2.FetchRequest(
            body=prepared.body, signature=prepared.signature, keys=certified_message(self.home.certified())
        )

    def fetch(self, *items: str) -> Answer:
        prepared = self.prepare(*items)
        response = self.gateway.fetched(self.message(prepared))
        return self.verifier.fetched(prepared, response, self.gateway.now_ms)


@pytest.fixture
def asker(tmp_path: Path) -> Asker:
    gateway = ExchangeGateway.create()
    return Asker(gateway, gateway.consumer_home(tmp_path / "home"))
