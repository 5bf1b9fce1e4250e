"""Enrolment: how a node or system gets its certificate, renews it, and loses it.

The operator issues a one-time token for one name. Whoever shows its secret, together with keys that the department's
own key certified for that very name, gets a certificate for the name. Later it renews the certificate under mutual TLS.

Rules kept here: a secret is stored only as a hash and is redeemed once, however many try at the same moment; the names
in a signing request are ignored; a key is certified once; a certificate counts only when its row is durable; a revoked
name comes back only by a token issued after the revocation. From outside, an unknown, used or void token is one and
the same. Everything fails closed.

It does not speak to peers, and does not write the ledger: the caller records what these methods return.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.identity.departments import DenialKind, Departments, require_active
from gateway.identity.peers import Peer, serial_text
from gateway.identity.revocations import (
    Certificate,
    Revocation,
    certificates,
    deny_all_of,
    name_is_denied,
    revoke,
    serial_is_denied,
)
from gateway.identity.tables import CERTIFICATES, DENIALS, ENROLMENT_TOKENS, EPOCH
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from keys.certificates.authority import CertificateAuthority, Leaf
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import Kind, SpiffeId
from keys.enrolment_token import EnrolmentToken
from keys.errors import BadCertificate, BadKeyCertificate
from keys.key_certificates import CertifiedKeys, open_certified
from keys.signing import digest

SHORTEST_TOKEN_S = 60
LONGEST_TOKEN_S = 7 * 86_400
_SECRET_BYTES = 32
_MAX_SECRET = 128
_MAX_CSR = 8 * 1024
# A peer renews at two thirds of a certificate's life, so two or three are alive at a time; more is a loop gone wild.
_MAX_ALIVE = 8
_RETRY_MS = 60_000
_HASH_TAG = b"oncegate-enrolment-token-v1\x00"


@dataclass(frozen=True, slots=True)
class Place:
    """What a token tells the newcomer about this gateway, and how long certificates live.

    Args:
        gateway: host:port of the people's door, where tokens are redeemed.
        systems: host:port of the door for nodes and systems.
        trust_domain: SPIFFE trust domain of the exchange.
        certificate_life_s: Lifetime of a certificate, seconds.
    """

    gateway: str
    systems: str
    trust_domain: str
    certificate_life_s: int


@dataclass(frozen=True, slots=True)
class IssuedIdentity:
    """A certificate that was issued and is registered.

    Args:
        spiffe: The name in it.
        leaf: The certificate, its serial number and its validity.
    """

    spiffe: SpiffeId
    leaf: Leaf


class Enrolments:
    """Issues and redeems tokens, renews and revokes certificates.

    Args:
        engine: The database.
        authority: Signs certificates.
        clock: For expiry.
        departments: For the keys by which departments certify.
        place: What tokens say.
        random: Gives that many random bytes.
    """

    def __init__(
        self,
        engine: Engine,
        authority: CertificateAuthority,
        clock: Clock,
        departments: Departments,
        place: Place,
        random: Callable[[int], bytes],
    ) -> None:
        self._engine = engine
        self._authority = authority
        self._clock = clock
        self._departments = departments
        self._place = place
        self._random = random

    def issue(self, department: str, kind: str, name: str, ttl_s: int) -> EnrolmentToken:
        """Make a one-time token for one name. The secret is shown here and kept nowhere.

        Args:
            department: Which department the newcomer belongs to; it must be active.
            kind: "node" or "system".
            name: The newcomer's name inside the department.
            ttl_s: How long the token can be redeemed, seconds.

        Raises:
            Refused: BAD_REQUEST, DEPARTMENT_UNKNOWN, DEPARTMENT_REVOKED.
        """
        if kind not in {"node", "system"}:
            raise bad_request("kind", "must be node or system")
        if not SHORTEST_TOKEN_S <= ttl_s <= LONGEST_TOKEN_S:
            raise bad_request("ttl_s", f"must be {SHORTEST_TOKEN_S} to {LONGEST_TOKEN_S} seconds")
        try:
            spiffe = SpiffeId(self._place.trust_domain, department, cast("Kind", kind), name)
        except BadCertificate as error:
            raise bad_request(
                "name", "must fit into a SPIFFE id: lower-case letters, digits, '.', '_' and '-'"
            ) from error
        secret = base64.urlsafe_b64encode(self._random(_SECRET_BYTES)).rstrip(b"=").decode()
        issued_ms = self._clock.now_ms()
        not_after_ms = issued_ms + ttl_s * 1000
        # Made first: a token that could not be used must not leave a row behind.
        token = EnrolmentToken(
            secret=secret,
            gateway=self._place.gateway,
            systems=self._place.systems,
            trust_domain=self._place.trust_domain,
            department=department,
            kind=spiffe.kind,
            name=name,
            not_after_ms=not_after_ms,
            ca_pem=self._authority.certificate_pem,
        )
        with write_transaction(self._engine) as connection:
            require_active(connection, department)
            connection.execute(
                insert(ENROLMENT_TOKENS).values(
                    secret_hash=_hash(secret),
                    spiffe=str(spiffe),
                    department=department,
                    issued_ms=issued_ms,
                    not_after_ms=not_after_ms,
                    closed_ms=0,
                    closed_as="",
                )
            )
        return token

    def enrol(self, secret: str, csr_der: bytes, keys: CertifiedKeys) -> IssuedIdentity:
        """Redeem a token. A failed attempt leaves the token as it was; only success closes it.

        Args:
            secret: The secret part of the token.
            csr_der: PKCS#10, DER, P-256; the names in it are ignored.
            keys: Signing and sealing keys, certified by the department for the token's name.

        Raises:
            Refused: BAD_TOKEN (unknown, used or void: `detail` tells which, for the log), TOKEN_EXPIRED,
                BAD_KEY_CERTIFICATE, BAD_REQUEST, DEPARTMENT_REVOKED.
        """
        if not 0 < len(secret) <= _MAX_SECRET:
            raise Refused(Code.BAD_TOKEN, "malformed")
        secret_hash = _hash(secret)
        with self._engine.connect() as connection:
            spiffe = self._redeemable(connection, secret_hash)
        self._check_keys(keys, spiffe)
        leaf = self._sign(csr_der, spiffe)
        with write_transaction(self._engine) as connection:
            # Looked at again under the write lock: of two who come at once, the second finds the token used.
            self._redeemable(connection, secret_hash)
            closed = connection.execute(
                update(ENROLMENT_TOKENS)
                .where(ENROLMENT_TOKENS.c.secret_hash == secret_hash, ENROLMENT_TOKENS.c.closed_ms == 0)
                .values(closed_ms=self._clock.now_ms(), closed_as="used")
            ).rowcount
            if closed != 1:
                raise Refused(Code.BAD_TOKEN, "used")
            require_active(connection, spiffe.department)
            self._lift_denial(connection, spiffe)
            return _register(connection, spiffe, leaf, renews="")

    def renew(self, peer: Peer, csr_der: bytes, keys: CertifiedKeys | None = None) -> IssuedIdentity:
        """Give a peer a new certificate under its own name. The current one stays valid until it expires.

        Args:
            peer: The caller, admitted and checked.
            csr_der: PKCS#10, DER, P-256, with a key that was never certified before.
            keys: Present when signing or sealing keys change too.

        Raises:
            Refused: BAD_REQUEST, BAD_KEY_CERTIFICATE, CERTIFICATE_REVOKED, DEPARTMENT_REVOKED; OVERLOADED when the
                name holds too many valid certificates already.
        """
        if keys is not None:
            self._check_keys(keys, peer.spiffe)
        leaf = self._sign(csr_der, peer.spiffe)
        with write_transaction(self._engine) as connection:
            require_active(connection, peer.department)
            if name_is_denied(connection, peer.spiffe) or serial_is_denied(connection, peer.serial):
                raise Refused(Code.CERTIFICATE_REVOKED)
            alive = connection.execute(
                select(func.count())
                .select_from(CERTIFICATES)
                .where(CERTIFICATES.c.spiffe == str(peer.spiffe), CERTIFICATES.c.not_after_ms > self._clock.now_ms())
            ).scalar_one()
            if alive >= _MAX_ALIVE:
                raise Refused(Code.OVERLOADED, "too many valid certificates", retry_after_ms=_RETRY_MS)
            return _register(connection, peer.spiffe, leaf, renews=serial_text(peer.serial))

    def revoke(self, target: str, reason: str) -> Revocation:
        """Revoke a name with all its certificates, or one certificate (gateway/identity/revocations.py).

        Args:
            target: A SPIFFE id, or a certificate's serial number in lower-case hex.
            reason: For the record; names no person.

        Raises:
            Refused: BAD_REQUEST; NOT_FOUND when nothing was ever issued for it.
        """
        return revoke(self._engine, target, self._clock.now_ms(), reason)

    def certificates(self, department: str = "") -> tuple[Certificate, ...]:
        """Certificates that have not expired, by name and then expiry.

        Args:
            department: Only this department's; empty for all.
        """
        return certificates(self._engine, self._clock.now_ms(), department)

    def _redeemable(self, connection: Connection, secret_hash: bytes) -> SpiffeId:
        row = connection.execute(select(ENROLMENT_TOKENS).where(ENROLMENT_TOKENS.c.secret_hash == secret_hash)).first()
        if row is None:
            raise Refused(Code.BAD_TOKEN, "unknown")
        if row.closed_ms:
            raise Refused(Code.BAD_TOKEN, row.closed_as)
        if self._clock.now_ms() > row.not_after_ms:
            raise Refused(Code.TOKEN_EXPIRED)
        return SpiffeId.parse(row.spiffe)

    def _check_keys(self, keys: CertifiedKeys, spiffe: SpiffeId) -> None:
        fingerprint = self._departments.fingerprint(spiffe.department)
        try:
            certificate = open_certified(keys, accepted_fingerprint=fingerprint, now_ms=self._clock.now_ms())
        except BadKeyCertificate as error:
            raise Refused(Code.BAD_KEY_CERTIFICATE, str(error)) from error
        if certificate.holder != str(spiffe):
            raise Refused(Code.BAD_KEY_CERTIFICATE, "certified for another holder")

    def _sign(self, csr_der: bytes, spiffe: SpiffeId) -> Leaf:
        if not 0 < len(csr_der) <= _MAX_CSR:
            raise bad_request("csr", f"must have 1 to {_MAX_CSR} bytes")
        try:
            return self._authority.issue(
                csr_der, spiffe, now_ms=self._clock.now_ms(), lifetime_s=self._place.certificate_life_s
            )
        except BadCertificate as error:
            raise bad_request("csr", "must be a PKCS#10 request for a P-256 key, signed with that key") from error

    def _lift_denial(self, connection: Connection, spiffe: SpiffeId) -> None:
        # The revocation closed every token there was, so this one was issued after it. Certificates of before stay
        # denied, also one that a renewal registered at the moment of the revocation.
        if name_is_denied(connection, spiffe):
            deny_all_of(connection, spiffe, self._clock.now_ms(), "issued before the name was enrolled again")
            connection.execute(
                delete(DENIALS).where(DENIALS.c.kind == DenialKind.NAME.value, DENIALS.c.subject == str(spiffe))
            )
            advance(connection, EPOCH)


def _hash(secret: str) -> bytes:
    # The secret has 256 random bits: a plain hash cannot be searched, and comparing hashes tells nothing by its time.
    return sha256(_HASH_TAG + secret.encode()).digest()


def _register(connection: Connection, spiffe: SpiffeId, leaf: Leaf, renews: str) -> IssuedIdentity:
    key_digest = digest(peer_from_pem(leaf.certificate_pem).public_key_der)
    if connection.execute(select(CERTIFICATES.c.serial).where(CERTIFICATES.c.key_digest == key_digest)).first():
        raise bad_request("csr", "the key must be a new one")
    connection.execute(
        insert(CERTIFICATES).values(
            serial=serial_text(leaf.serial),
            spiffe=str(spiffe),
            department=spiffe.department,
            key_digest=key_digest,
            not_before_ms=leaf.not_before_ms,
            not_after_ms=leaf.not_after_ms,
            renews=renews,
        )
    )
    return IssuedIdentity(spiffe, leaf)
