"""What every peer must know of the gateway, as the message that enrolment hands out."""

from dataclasses import dataclass

from oncegate.v1 import enrolment_pb2


@dataclass(frozen=True, slots=True)
class Trust:
    """Public keys and names: CA in PEM, ticket and promise keys in DER (SPKI), ledger key, custodians in C2SP text."""

    trust_domain: str
    ca_pem: bytes
    ticket_key: bytes
    promise_key: bytes
    ledger_key: str
    gateway: str
    custodians: tuple[str, ...]
    custodians_needed: int

    def message(self) -> enrolment_pb2.TrustBundle:
        """The message."""
        return enrolment_pb2.TrustBundle(
            trust_domain=self.trust_domain,
            ca_pem=self.ca_pem,
            ticket_key=self.ticket_key,
            promise_key=self.promise_key,
            ledger_key=self.ledger_key,
            gateway=self.gateway,
            custodians=self.custodians,
            custodians_needed=self.custodians_needed,
        )
