"""Enrolment: a one-time token becomes a home with a TLS identity.

In order: read the token → lay the home out → make the member's keys → have them certified → make a TLS key and a
signing request → call the gateway over TLS authenticated by the CA that the token carries → check that what came back
is what was asked for → store it, the TLS identity last.

Rules kept here: no unverified connection is ever made; nothing the gateway returns is stored before it was checked;
a private key never leaves the machine. A call that breaks off after the gateway took the token needs a new token.
"""

import grpc

from keys.certificates.csr import csr_public_key, make_csr, new_tls_key
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import SpiffeId
from keys.enrolment_token import EnrolmentToken
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys
from keys.log.custodians import Custodians
from keys.signing import VerifyKey
from nodes.clock import Clock
from nodes.enrolment.channel import people_channel
from nodes.enrolment.errors import BadInput, EnrolmentUntrusted
from nodes.enrolment.home import Addresses, Home, Trust
from nodes.enrolment.member_keys import make_member_keys, open_own
from nodes.enrolment.refusals import refusal
from oncegate.v1 import enrolment_pb2, signed_pb2
from oncegate.v1.enrolment_pb2_grpc import EnrolmentServiceStub

TIMEOUT_S = 30.0


def read_token(text: str, clock: Clock) -> EnrolmentToken:
    """Reads a token as the operator handed it out.

    Args:
        text: The token.
        clock: Tells whether it is still valid.

    Returns:
        The token.

    Raises:
        BadInput: It is damaged or has expired.
    """
    try:
        token = EnrolmentToken.decode(text)
    except KeysError as error:
        raise BadInput("token", "is not an enrolment token, or is damaged") from error
    if token.not_after_ms <= clock.now_ms():
        raise BadInput("token", "has expired; ask the operator for a new one")
    return token


def prepare(home: Home, token: EnrolmentToken) -> SpiffeId:
    """Lays the home out for the token's member and makes its keys. Contacts nobody; may be repeated.

    Args:
        home: Where.
        token: Says who.

    Returns:
        Who the member is.

    Raises:
        BadInput: The home belongs to another member already.
    """
    spiffe = token.spiffe
    if home.exists and home.spiffe() != spiffe:
        raise BadInput("home", "belongs to another member already")
    home.create(spiffe, Addresses(people=token.gateway, systems=token.systems))
    make_member_keys(home)
    return spiffe


async def enrol(home: Home, token: EnrolmentToken, clock: Clock) -> Trust:
    """Exchanges the token for a TLS identity and stores it.

    Args:
        home: A home that `prepare` laid out and whose keys are certified.
        token: The token.
        clock: Tells whether certificates are valid.

    Returns:
        What the gateway says of itself, stored too.

    Raises:
        BadInput: The keys are not certified.
        RequestRefused: The gateway refused; BAD_TOKEN also stands for a token that was used before.
        GatewayUnreachable: No answer.
        EnrolmentUntrusted: The answer is not for this member or this key. Nothing was stored.
    """
    certified = home.certified()
    open_own(home, certified, now_ms=clock.now_ms())
    key_pem = new_tls_key()
    csr = make_csr(key_pem)
    request = enrolment_pb2.EnrolRequest(token_secret=token.secret, csr=csr, keys=certified_message(certified))
    async with people_channel(token.gateway, token.ca_pem) as channel:
        stub = EnrolmentServiceStub(channel)
        try:
            response = await stub.Enrol(request, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise refusal(error) from error
    trust = check_issued(home.spiffe(), csr, response.certificate_pem, response.trust)
    home.write_trust(trust)
    home.write_identity(key_pem, response.certificate_pem)
    return trust


def certified_message(certified: CertifiedKeys) -> signed_pb2.CertifiedKeys:
    """The wire form of certified keys.

    Args:
        certified: The certificate.

    Returns:
        The message.
    """
    return signed_pb2.CertifiedKeys(
        body=certified.body, signature=certified.signature, department_key=certified.department_key
    )


def check_issued(spiffe: SpiffeId, csr: bytes, certificate_pem: bytes, bundle: enrolment_pb2.TrustBundle) -> Trust:
    """Checks an issued identity. Fails closed: whatever does not fit is refused.

    Args:
        spiffe: Who this member is.
        csr: The signing request that was sent.
        certificate_pem: What the gateway issued.
        bundle: What the gateway says of itself.

    Returns:
        The trust, checked.

    Raises:
        EnrolmentUntrusted: Another name, another key, another trust domain, or keys that do not parse.
    """
    try:
        peer = peer_from_pem(certificate_pem)
        own = csr_public_key(csr)
        gateway = SpiffeId.parse(bundle.gateway)
        for der in (bundle.ticket_key, bundle.promise_key):
            VerifyKey.from_der(der)
    except KeysError as error:
        raise EnrolmentUntrusted("the certificate or the trust bundle is malformed") from error
    if peer.spiffe != spiffe:
        raise EnrolmentUntrusted("the certificate names another member")
    if peer.public_key_der != own:
        raise EnrolmentUntrusted("the certificate is for another key")
    if bundle.trust_domain != spiffe.trust_domain or gateway.trust_domain != spiffe.trust_domain:
        raise EnrolmentUntrusted("the trust bundle is of another trust domain")
    if gateway.kind != "gateway" or not bundle.ca_pem:
        raise EnrolmentUntrusted("the trust bundle names no gateway or no CA")
    try:
        Custodians(bundle.custodians, bundle.custodians_needed)
    except KeysError as error:
        raise EnrolmentUntrusted("the trust bundle's custodians make no set") from error
    return Trust(
        trust_domain=bundle.trust_domain,
        ca_pem=bundle.ca_pem,
        ticket_key=bundle.ticket_key,
        promise_key=bundle.promise_key,
        ledger_key=bundle.ledger_key,
        gateway=bundle.gateway,
        custodians=tuple(bundle.custodians),
        custodians_needed=bundle.custodians_needed,
    )
