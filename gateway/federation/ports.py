"""What federation needs of the other steps, with only what it needs; `gateway/bootstrap` passes the real ones.

Rules kept: a step never imports another step. Every port fails closed: it raises instead of returning something
usable. The index and the catalogue may block on the database, so federation calls them in its own thread; `Peers`
and `DepartmentKeys` are called on the event loop for every frame and have to be quick.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from gateway.federation.model import PointerChange, SnapshotPiece
from policies.resources import ResourceDescription


class Peer(Protocol):
    """Who is at the other end of a connection, as its certificate says."""

    @property
    def spiffe(self) -> Any:
        """The SPIFFE id; `str()` gives its text."""

    @property
    def department(self) -> str:
        """Department id."""

    @property
    def kind(self) -> str:
        """`node`, `system` or `gateway`."""


class Peers(Protocol):
    """Admits peers and knows at every moment whether they still are."""

    def admit(self, certificate: bytes | None) -> Any:
        """Identify a peer by its TLS certificate, PEM; returns a `Peer`.

        Raises:
            Refused: CERTIFICATE_MISSING, CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED or CERTIFICATE_UNKNOWN.
        """

    def check(self, peer: Any) -> None:
        """Check a `Peer` again; called for every frame and by the sweep.

        Raises:
            Refused: The certificate expired or was revoked, or its department was.
        """


class DepartmentKeys(Protocol):
    """The registered keys of departments."""

    def fingerprint(self, department: str) -> str:
        """Fingerprint of the department's registered key, `sha256:` and 64 hex digits.

        Raises:
            Refused: No such department, it is revoked, or it has no key yet.
        """


class Catalogue(Protocol):
    """Where nodes publish what they offer."""

    def publish(self, node: str, department: str, resources: Sequence[ResourceDescription]) -> Any:
        """Publish every resource of a node.

        Raises:
            Refused: One belongs to another department or is held by another node, or breaks a rule.
        """


class OutboxState(Protocol):
    """How far a node's outbox is durable."""

    @property
    def outbox_id(self) -> bytes:
        """Which outbox, 16 bytes."""

    @property
    def acknowledged(self) -> int:
        """Every delta up to here is durable."""


class Rejection(Protocol):
    """A change that was not indexed."""

    @property
    def sequence(self) -> int:
        """Its sequence; 0 in a snapshot."""

    @property
    def handle(self) -> bytes:
        """Its handle."""

    @property
    def reason(self) -> str:
        """A reason code."""


class Applied(Protocol):
    """What became of consecutive deltas, or of a snapshot that is now in force."""

    @property
    def through(self) -> int:
        """Every delta up to here is durable."""

    @property
    def rejections(self) -> Sequence[Rejection]:
        """Changes not indexed."""


class Index(Protocol):
    """The shared index of pointers. What it returns for an applied frame is durable."""

    def outbox(self, node: str) -> OutboxState | None:
        """How far the node's outbox is durable; None when nothing of it is known."""

    def needs_snapshot(self, node: str, outbox_id: bytes, last_sequence: int, resources: Collection[str] = ()) -> bool:
        """Whether deltas alone cannot bring the node's pointers in these listed resources up to date."""

    def apply(
        self, node: str, outbox_id: bytes, deltas: Sequence[PointerChange], *, allowed: Collection[str]
    ) -> Applied:
        """Apply consecutive deltas in one durable transaction; those already applied are skipped.

        Raises:
            Exception: A gap in the sequence, another outbox, or the storage failed; nothing was applied.
        """

    def snapshot_part(
        self, node: str, outbox_id: bytes, part: SnapshotPiece, *, allowed: Collection[str]
    ) -> Applied | None:
        """Stage one part; the last one switches the whole snapshot into force at once and only then returns a value.

        Raises:
            Exception: A part is missing or the total is wrong, or the storage failed; the staged parts are void.
        """

    def mark_synced(self, node: str, synced_ms: int) -> None:
        """Note when the node last compared its sources with what it published, Unix ms."""


class ConsentChange(Protocol):
    """A change of a consent that nodes must know."""

    @property
    def position(self) -> int:
        """Counts up with every change."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the consent."""

    @property
    def status(self) -> str:
        """How it stands now."""

    @property
    def valid_until_ms(self) -> int:
        """End of its validity, Unix ms."""

    @property
    def providers(self) -> Collection[str]:
        """Departments whose nodes must know."""


class ConsentFeed(Protocol):
    """Consents that ended, were paused or go on."""

    def position(self) -> int:
        """The newest change's position; called on the event loop, and quick."""

    def changes(self, after_position: int, limit: int) -> Sequence[ConsentChange]:
        """Changes after a position that have not expired, oldest first; may block."""
