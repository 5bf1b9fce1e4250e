"""What the use cases need from elsewhere: encodings of the wire, which only the doors may know; seals of identities."""

from collections.abc import Sequence
from typing import Protocol

from gateway.exchange.model import AnswerField, LocatedResource, OpenedAnswer, SignedRequest
from gateway.identity.people import Person
from policies.vocabulary import Form


class Seals(Protocol):
    """Keeps who somebody is for the auditors, before anything is written about them."""

    async def person(self, scheme: str, identifier: str, person_id: bytes) -> None:
        """Have a person's identity sealed; raises `Refused` when it cannot be recorded."""

    async def official(self, person: Person) -> None:
        """Have an official's identity sealed; raises `Refused` when it cannot be recorded."""


class WireCodec(Protocol):
    """Encodes and parses the signed bodies of proto/oncegate/v1/signed.proto."""

    def parse_request(self, body: bytes) -> SignedRequest:
        """Parse and check the shape of a RequestBody.

        Raises:
            Refused: It is not a RequestBody, or one of its fields breaks a rule of the wire contract.
        """

    def request(self, request: SignedRequest) -> bytes:
        """A RequestBody of the gateway's own, the exact bytes to sign."""

    def opened(self, plaintext: bytes) -> OpenedAnswer:
        """Parse an AnswerBody that was sealed to the gateway itself.

        Raises:
            Refused: It is not one.
        """

    def answer(self, request_digest: bytes, resource: str, fields: Sequence[AnswerField]) -> bytes:
        """A padded AnswerBody."""

    def located(self, located: Sequence[LocatedResource]) -> bytes:
        """A padded LocateResult."""

    def receipt(
        self,
        ticket_digest: bytes,
        request_digest: bytes,
        node: str,
        resource: str,
        ciphertext_digest: bytes,
        disclosure_digest: bytes,
        released_ms: int,
    ) -> bytes:
        """A ReceiptBody."""

    def disclosure(self, salt: bytes, outcomes: Sequence[tuple[str, Form, str]]) -> bytes:
        """A Disclosure."""
