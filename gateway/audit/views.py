"""Entries as they are read: by an auditor, and by the person they are about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as a reader sees it. The bytes are exactly those committed to.

    Attributes:
        leaf_index: Position, from 0.
        leaf_hash: 32 bytes.
        time_ms: When it was recorded, Unix ms.
        kind: One of `Kind`.
        accountability: Canonical JSON.
        accountability_salt: 32 bytes.
        person: Canonical JSON; empty when there is none or it was erased.
        person_salt: 32 bytes; empty when there is none or it was erased.
        erased_digest: Commitment to the person part that was erased, 32 bytes; empty when nothing was.
        pruned_digest: Commitment to the accountability part of an entry that was pruned, 32 bytes; empty when it was
            not. A pruned entry says nothing any more; of its person part only `erased_digest` can be left.
        pruned_under: The entry `log_pruned` that covers it; None when it was not pruned.
    """

    leaf_index: int
    leaf_hash: bytes
    time_ms: int
    kind: str
    accountability: bytes
    accountability_salt: bytes
    person: bytes = b""
    person_salt: bytes = b""
    erased_digest: bytes = b""
    pruned_digest: bytes = b""
    pruned_under: int | None = None
    _parsed: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def account(self) -> Mapping[str, Any]:
        """The accountability part, parsed; empty when the entry was pruned."""
        return self._parse("accountability", self.accountability) if self.accountability else {}

    @property
    def personal(self) -> Mapping[str, Any] | None:
        """The person part, parsed; None when there is none or it was erased."""
        return self._parse("person", self.person) if self.person else None

    def _parse(self, name: str, raw: bytes) -> dict[str, Any]:
        if name not in self._parsed:
            self._parsed[name] = json.loads(raw)
        parsed: dict[str, Any] = self._parsed[name]
        return parsed


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first.

    Attributes:
        entries: Newest first.
        next_cursor: Hand this in to get the next page; empty on the last one.
    """

    entries: Sequence[LogEntry]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class AccessedField:
    """One field of an access: codes, never a value. `outcome` is empty while the request is being carried out."""

    resource: str
    field: str
    form: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Access:
    """One access to a person's data, as that person sees it.

    Attributes:
        leaf_index: The entry in the log.
        time_ms: When, Unix ms.
        department: Id of the department that asked.
        system: SPIFFE id of the system that asked.
        purpose: Registered purpose code.
        legal_basis: The legal ground.
        case_reference: The asking department's case number; may be empty.
        fields: Everything asked for.
        outcome: The entry's kind: asked, released, refused, abandoned or replayed.
        reason: Reason code of a refusal; empty otherwise.
        emergency: Reason of the declared emergency; empty when none was declared.
        visible_from_ms: From when on the law lets the person know, Unix ms; 0 at once.
        law: By which law the person was told later; empty when at once.
        why: What an auditor gave as the reason for looking for the person or for who the person is; empty otherwise.
        service: Code of the service item for which it was asked; empty when none was named.
        service_version: Its version; 0 when none was named.
    """

    leaf_index: int
    time_ms: int
    department: str
    system: str
    purpose: str
    legal_basis: str
    case_reference: str
    fields: Sequence[AccessedField]
    outcome: str
    reason: str
    emergency: str = ""
    visible_from_ms: int = 0
    service: str = ""
    service_version: int = 0
    law: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class AccessPage:
    """Accesses, newest first.

    Attributes:
        accesses: Newest first.
        next_cursor: Hand this in to get the next page; empty on the last one.
    """

    accesses: Sequence[Access]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Proof that a leaf stands at its position in the tree of `tree_size` (RFC 6962 section 2.1.1).

    Attributes:
        leaf_hash: 32 bytes.
        tree_size: Size of the tree.
        path: Audit path, leaf's sibling first.
        checkpoint: The checkpoint of exactly that size, or empty.
    """

    leaf_hash: bytes
    tree_size: int
    path: Sequence[bytes]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Proof that the tree of `new_size` begins with an older one (RFC 6962 section 2.1.2)."""

    new_size: int
    path: Sequence[bytes]


def access_of(entry: LogEntry) -> Access:
    """What an entry of an exchange tells the person it is about. What an entry does not say stays empty."""
    said = entry.account
    items = said.get("items", ())
    emergency = said.get("emergency") or {}
    service = said.get("service") or {}
    return Access(
        leaf_index=entry.leaf_index,
        time_ms=entry.time_ms,
        department=_text(said, "department"),
        system=_text(said, "system"),
        purpose=_text(said, "purpose"),
        legal_basis=_text(said, "legal_basis"),
        case_reference=_text(said, "case"),
        fields=[
            AccessedField(_text(one, "resource"), _text(one, "field"), _text(one, "form"), _text(one, "outcome"))
            for one in items
        ],
        outcome=entry.kind,
        reason=_text(said, "reason"),
        emergency=_text(emergency, "reason"),
        visible_from_ms=int(emergency.get("visible_from_ms", 0)),
        service=_text(service, "code"),
        service_version=int(service.get("version", 0)),
        law=_text(emergency, "law"),
        why=_text(said, "why"),
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    return str(said.get(name, ""))
