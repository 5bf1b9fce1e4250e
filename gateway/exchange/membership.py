"""How departments, nodes and systems come and go; each step is on the ledger before its answer is given.

The operator's CLI uses these as well as the enrolment door; neither can enrol anyone without a department key that
the department itself made.
"""

from typing import Any

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused
from gateway.identity.departments import Departments
from gateway.identity.enrolments import Enrolments, IssuedIdentity
from gateway.identity.peers import Peers
from gateway.sharing.agreements import Agreements
from keys.enrolment_token import EnrolmentToken
from keys.key_certificates import CertifiedKeys
from policies.agreements import Agreement


class Membership:
    """Registers and removes members.

    Args:
        departments: Registered departments.
        enrolments: Tokens and certificates.
        peers: Admits the caller of a renewal.
        agreements: What providers agreed to.
        ledger: Where each step is recorded; blocking appends, because these are rare and also run in the CLI.
    """

    def __init__(
        self,
        departments: Departments,
        enrolments: Enrolments,
        peers: Peers,
        agreements: Agreements,
        ledger: SqlLedger,
    ) -> None:
        self._departments = departments
        self._enrolments = enrolments
        self._peers = peers
        self._agreements = agreements
        self._ledger = ledger

    def _write(self, kind: str, **facts: Any) -> None:
        try:
            self._ledger.append_blocking(EntryDraft(kind=kind, accountability=facts, person=None))
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None

    def add_department(self, department: str, name_zh: str, name_en: str, key_fingerprint: str) -> None:
        """Register a department with the fingerprint of the key that it made.

        Raises:
            Refused: ALREADY_EXISTS, or a field breaks its rule.
        """
        self._departments.add(department, name_zh, name_en, key_fingerprint)
        self._write("department_added", department=department, key_fingerprint=key_fingerprint)

    def revoke_department(self, department: str, reason: str) -> None:
        """Cut off a department with all its nodes and systems, at the next call and within a second on open streams.

        Raises:
            Refused: DEPARTMENT_UNKNOWN.
        """
        self._departments.revoke(department, reason)
        self._write("department_revoked", department=department, reason=reason)

    def issue_token(self, department: str, kind: str, name: str, life_s: int) -> EnrolmentToken:
        """A one-time token for one node or system.

        Raises:
            Refused: DEPARTMENT_UNKNOWN or DEPARTMENT_REVOKED, or a field breaks its rule.
        """
        token = self._enrolments.issue(department, kind, name, life_s)
        self._write("token_issued", department=department, member_kind=kind, name=name, not_after_ms=token.not_after_ms)
        return token

    def enrol(self, secret: str, csr: bytes, keys: CertifiedKeys) -> IssuedIdentity:
        """Exchange a token for a certificate.

        Raises:
            Refused: BAD_TOKEN, TOKEN_EXPIRED, BAD_KEY_CERTIFICATE or BAD_REQUEST.
        """
        issued = self._enrolments.enrol(secret, csr, keys)
        self._write("enrolled", member=str(issued.spiffe), serial=f"{issued.leaf.serial:x}")
        return issued

    def renew(self, certificate: bytes | None, csr: bytes, keys: CertifiedKeys | None) -> IssuedIdentity:
        """Renew the caller's own certificate.

        Raises:
            Refused: The caller is not in good standing, or the request breaks a rule.
        """
        peer = self._peers.admit(certificate)
        issued = self._enrolments.renew(peer, csr, keys)
        self._write("renewed", member=str(issued.spiffe), serial=f"{issued.leaf.serial:x}")
        return issued

    def revoke_certificate(self, spiffe: str, reason: str) -> None:
        """Revoke a node's or system's certificates.

        Raises:
            Refused: NOT_FOUND.
        """
        self._enrolments.revoke(spiffe, reason)
        self._write("certificate_revoked", member=spiffe, reason=reason)

    def add_agreement(self, raw: bytes, signature: bytes, signer_key: bytes) -> Agreement:
        """Take in an agreement signed by its provider.

        Raises:
            Refused: The signature, a party or a rule of the format does not hold.
        """
        agreement = self._agreements.add(raw, signature, signer_key)
        self._write(
            "agreement_added", agreement=agreement.id, revision=agreement.revision, digest=agreement.digest.hex()
        )
        return agreement

    def revoke_agreement(self, agreement: str, reason: str) -> None:
        """Withdraw an agreement: the next release under it is refused.

        Raises:
            Refused: NOT_FOUND.
        """
        self._agreements.revoke(agreement, reason)
        self._write("agreement_revoked", agreement=agreement, reason=reason)
