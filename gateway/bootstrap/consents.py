"""Consents, wired: where they are kept, who draws them up, and whose word counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.bootstrap.offline import Offline
from gateway.exchange.acting import Actors
from gateway.exchange.consent_drafts import DrawUp
from gateway.exchange.consent_upkeep import ConsentUpkeep
from gateway.exchange.consented import FindConsent
from gateway.exchange.explicit_requests import HeldToRequest, OwnExplicitRequests
from gateway.exchange.identify import Identify, IdentifySubject
from gateway.exchange.own_consents import OwnConsents
from gateway.exchange.record import Record
from gateway.exchange.request_consent import RequestConsent
from gateway.identity.issuers import Issuer
from gateway.identity.people import People
from gateway.sharing.consents import Consents
from gateway.sharing.explicit_requests import ExplicitRequests
from gateway.vault.consent_proofs import ConsentProofs
from keys.consent_proof import ProofVerifier, TokenIssuer
from keys.envelope import Suite
from keys.jwks import JwksFile


@dataclass(frozen=True, slots=True)
class Consenting:
    """Everything about consents.

    Attributes:
        consents: Texts and how they stand.
        find: Checks them for a release.
        own: The person's side.
        requests: The department's side.
        upkeep: What follows from a withdrawal.
        clicks: Explicit requests, which are no consents: the person's side.
        held: Holds a request to the explicit request that it names.
    """

    consents: Consents
    find: FindConsent
    own: OwnConsents
    requests: RequestConsent
    upkeep: ConsentUpkeep
    clicks: OwnExplicitRequests
    held: HeldToRequest


def consenting(
    offline: Offline,
    people: People,
    identify: Identify,
    subjects: IdentifySubject,
    record: Record,
    issuers: Sequence[Issuer],
) -> Consenting:
    """Wire consents."""
    settings, clock = offline.settings, offline.clock
    consents = Consents(offline.engine, clock)
    proofs = ConsentProofs(offline.engine, offline.secrets.live, Suite[settings.vault.suite.upper()])
    draw_up = DrawUp(offline.catalog, offline.agreements, settings.trust_domain, clock, offline.purposes)
    actors = Actors(people, subjects, settings.consents.relations)
    verifier = ProofVerifier([_token_issuer(issuer) for issuer in issuers if issuer.identifier_claim])
    explicit = ExplicitRequests(offline.engine)
    most_open = settings.consents.open_requests
    return Consenting(
        consents=consents,
        find=FindConsent(consents, proofs, clock),
        own=OwnConsents(actors, draw_up, consents, proofs, verifier, record, clock),
        requests=RequestConsent(identify, subjects, draw_up, consents, proofs, record, most_open),
        clicks=OwnExplicitRequests(people, subjects, explicit, record, clock, settings.trust_domain, offline.purposes),
        held=HeldToRequest(explicit, clock),
        upkeep=ConsentUpkeep(consents, offline.ledger, clock, settings.vault.notice_days),
    )


def _token_issuer(issuer: Issuer) -> TokenIssuer:
    return TokenIssuer(
        issuer=issuer.issuer,
        keys=JwksFile(issuer.jwks_file),
        audience=issuer.audience,
        algorithms=issuer.algorithms,
        scheme=issuer.scheme,
        identifier_claim=issuer.identifier_claim,
        relations_claim=issuer.relations_claim,
    )
