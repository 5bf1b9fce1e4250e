"""Who calls, and did they sign this request: the first steps of every call of a system.

Every guard here fails closed: whatever cannot be established refuses the call before anything is looked up.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation, bad_request
from gateway.exchange.model import Call, EmergencyMark, SignedRequest
from gateway.exchange.operands import checked_operands
from gateway.exchange.ports import Seals, WireCodec
from gateway.identity.departments import Departments
from gateway.identity.peers import Peer, Peers
from gateway.identity.people import People, Person
from gateway.settings import Settings
from gateway.vault.persons import PersonRegistry, TokenTooOld
from keys.certificates.peer import peer_from_pem
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, KeyCertificate, open_certified, recipient_key, verify_key
from keys.sealing import RecipientKey
from keys.signing import REQUEST, digest
from keys.subjects import SubjectToken, SubjectTokens, check_subject
from policies.identifiers import BadIdentifier, known_schemes, normalise

_NONCE_BYTES = 32
_MAX_IDENTIFIER = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """A system whose certificate, standing, certified keys and signature over this request have been verified.

    `vouched` is the official as the token says, and goes on no record; `official` is the keyed hash that does.
    `operands` are those of its equality predicates, checked against the request. `mark` is what entries say about a
    declared emergency, once it is decided.
    """

    peer: Peer
    request: SignedRequest
    request_digest: bytes
    keys: KeyCertificate
    recipient: RecipientKey
    official: str
    operands: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    mark: EmergencyMark | None = None
    vouched: Person | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a request is about. The canonical identifier lives only in memory, for the length of one request."""

    scheme: str
    canonical: str
    tokens: tuple[SubjectToken, ...]
    person_id: bytes


class Identify:
    """Verifies callers.

    Args:
        peers: Certificates and their standing.
        departments: Registered departments with their key fingerprints.
        people: Verifies officials' tokens.
        codec: Parses the request once its signature holds.
        settings: Trust domain and the window for a request's time.
        clock: Now.
        seals: Keeps who an official is for the auditors; None for nobody.
    """

    def __init__(
        self,
        peers: Peers,
        departments: Departments,
        people: People,
        codec: WireCodec,
        settings: Settings,
        clock: Clock,
        seals: Seals | None = None,
    ) -> None:
        self._peers = peers
        self._departments = departments
        self._people = people
        self._codec = codec
        self._settings = settings
        self._clock = clock
        self._seals = seals

    def system(self, certificate: bytes | None) -> Peer:
        """The peer behind a TLS certificate, if it is a system in good standing.

        Raises:
            Refused: CERTIFICATE_… when it is not; NOT_ALLOWED when it is no system.
        """
        peer = self._peers.admit(certificate)
        if peer.kind != "system":
            raise Refused(Code.NOT_ALLOWED, "only systems may ask")
        return peer

    def caller(self, call: Call, peer: Peer) -> Caller:
        """Verify the key certificate, the signature, and that request, keys and certificate name one system.

        Raises:
            Refused: With the reason; see `Code`.
        """
        now = self._clock.now_ms()
        keys = self.certified(call.keys, peer, now)
        try:
            verify_key(keys).verify(REQUEST, call.body, call.signature)
        except KeysError:
            raise Refused(Code.BAD_SIGNATURE, "request") from None
        request = self._codec.parse_request(call.body)
        if request.system != str(peer.spiffe):
            raise Refused(Code.WRONG_SYSTEM, "request names another system")
        if request.trust_domain != self._settings.trust_domain:
            raise Refused(Code.WRONG_GATEWAY)
        if abs(now - request.created_ms) > self._settings.limits.request_age_ms:
            raise Refused(Code.REQUEST_EXPIRED)
        if request.sealing_key_id != keys.sealing_key_id:
            raise bad_request("sealing_key_id", "must be the certified sealing key's", Code.BAD_KEY_CERTIFICATE)
        vouched = None
        if call.official_token:
            vouched = self._people.authenticate_official(call.official_token, peer=peer)
        official = "" if vouched is None else vouched.subject_key
        operands = checked_operands(call, request) if call.operands or _commits(request) else {}
        return Caller(peer, request, digest(call.body), keys, recipient_key(keys), official, operands, vouched=vouched)

    async def sealed(self, caller: Caller) -> None:
        """Have the caller's official sealed to the auditors' key, before any entry names the official.

        Raises:
            Refused: It cannot be recorded.
        """
        if self._seals is not None and caller.vouched is not None:
            await self._seals.official(caller.vouched)

    def certified(self, shown: CertifiedKeys, peer: Peer, now_ms: int) -> KeyCertificate:
        """Verify that keys are certified for exactly this system by its department's registered key, now.

        Raises:
            Refused: BAD_KEY_CERTIFICATE or WRONG_SYSTEM.
        """
        fingerprint = self._departments.fingerprint(peer.department)
        try:
            keys = open_certified(shown, accepted_fingerprint=fingerprint, now_ms=now_ms)
        except KeysError as error:
            raise Refused(Code.BAD_KEY_CERTIFICATE, error.code) from None
        if keys.holder != str(peer.spiffe):
            raise Refused(Code.WRONG_SYSTEM, "key certificate names another holder")
        return keys

    def still_good(self, peer: Peer) -> None:
        """Check the peer again, right before something leaves.

        Raises:
            Refused: It was revoked or has expired meanwhile.
        """
        self._peers.check(peer)


class IdentifySubject:
    """Turns a typed identifier into a token and a random person id.

    Args:
        tokens: Keyed hashing, in this process's memory only.
        persons: Random person ids by token.
        seals: Keeps who a person is for the auditors; None for nobody.
    """

    def __init__(self, tokens: SubjectTokens, persons: PersonRegistry, seals: Seals | None = None) -> None:
        self._tokens = tokens
        self._persons = persons
        self._seals = seals

    async def __call__(self, call: Call, request: SignedRequest) -> Subject:
        """Normalise and check the identifier, check the commitment, derive the token.

        Raises:
            Refused: BAD_IDENTIFIER with the rule, or WRONG_SUBJECT; never with the identifier.
        """
        if request.subject_scheme not in known_schemes():
            raise bad_request("subject_scheme", "must be a known scheme")
        if len(call.subject_nonce) != _NONCE_BYTES:
            raise bad_request("subject_nonce", f"must be {_NONCE_BYTES} bytes")
        canonical = canonical_identifier(request.subject_scheme, call.subject_identifier)
        try:
            check_subject(call.subject_nonce, request.subject_scheme, canonical, request.subject_commitment)
        except KeysError:
            rule = "must be HMAC-SHA256(nonce, scheme 0x00 canonical identifier)"
            raise bad_request("subject_commitment", rule, Code.WRONG_SUBJECT) from None
        return await self.known(request.subject_scheme, canonical)

    async def known(self, scheme: str, canonical: str, *, own: bool = False) -> Subject:
        """The subject of a canonical identifier, sealed to the auditors' key before anything is written about it.

        Args:
            scheme: Scheme of the identifier.
            canonical: The canonical identifier.
            own: Whether it is the person who acts: that is nobody's access, so nobody is sealed for it, and a person
                who had everything erased may look at what is left.

        Raises:
            Refused: No id can be had, or the sealed identity cannot be recorded. Fails closed.
        """
        # Under every index key: while the key is rotated, a person stays the same person and every record is found.
        tokens = self._tokens.derive_every(scheme, canonical)
        try:
            person_id = await self._persons.person_id(tokens[0], tokens[1:])
        except TokenTooOld:
            # The key was rotated while this waited. A process without the new version is refused once more.
            tokens = self._tokens.derive_every(scheme, canonical)
            person_id = await self._persons.person_id(tokens[0], tokens[1:])
        if self._seals is not None and not own:
            await self._seals.person(scheme, canonical, person_id)
        return Subject(scheme, canonical, tokens, person_id)

    async def acting(self, person: Person) -> None:
        """Have an official, a steward or an auditor sealed to the auditors' key, before an entry names them.

        Raises:
            Refused: It cannot be recorded.
        """
        if self._seals is not None:
            await self._seals.official(person)

    async def existing(self, scheme: str, canonical: str) -> bytes | None:
        """The random id of a person about whom anything was ever asked; nobody is made known by this.

        Args:
            scheme: Scheme of the identifier.
            canonical: The canonical identifier.
        """
        return await asyncio.to_thread(self._persons.find, self._tokens.derive_every(scheme, canonical))


def _commits(request: SignedRequest) -> bool:
    return any(item.operand_commitment for item in request.items)


def claimed(certificate: bytes | None) -> dict[str, str]:
    """Whom a refused certificate names, for the record of its refusal. The TLS layer verified its chain, no more."""
    try:
        spiffe = peer_from_pem(certificate or b"").spiffe
    except KeysError:
        return {}
    return {"department": spiffe.department, "system": str(spiffe)}


def canonical_identifier(scheme: str, text: str) -> str:
    """Normalise an identifier.

    Raises:
        Refused: BAD_IDENTIFIER with the broken rule.
    """
    if len(text) > _MAX_IDENTIFIER:
        raise bad_request("subject_identifier", f"must be at most {_MAX_IDENTIFIER} characters", Code.BAD_IDENTIFIER)
    try:
        return normalise(scheme, text)
    except BadIdentifier as error:
        violation = Violation("subject_identifier", error.rule)
        raise Refused(Code.BAD_IDENTIFIER, error.rule, violations=(violation,)) from None
