"""Entries as they are written: what a caller hands in and what it gets back.

An entry has two parts. The accountability part says who asked for what, why and with which outcome, and stays until its
retention ends. The person part holds what could tell something about the person and can be erased. Each part is
canonical JSON (`keys.canonical`), salted and committed to apart, so that one can go without the other becoming
unverifiable.
"""

import json
import json.encoder
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.audit.counters import Count, Placed, Rider
from gateway.audit.errors import BadEntry
from gateway.audit.kinds import Kind
from keys.batch import BatchItem

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]

LARGEST_PART: Final = 256 * 1024
"""Bytes of canonical JSON in one part; a bulk read is recorded per person, so no honest entry comes near it."""

_RESERVED: Final = frozenset({"kind", "time_ms"})
_DIGEST_SIZES: Final = (0, 32)


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """What is to be recorded.

    Attributes:
        kind: One of `Kind`.
        accountability: What stays until its retention ends. `kind` and `time_ms` are added by the log. An outcome names
            the `asked` entry it closes in `request` (its index); `department` is the asking department's id. No
            identifiers.
        person: What can be erased later; None when the entry is about no person.
        request_digest: SHA-256 of the request body, 32 bytes, or empty. Bound into the promise.
        about: The person's id, for the person's own view; kept only as a keyed token.
        unique: A name that only one entry may ever have, and the digest of what came under it. Kept only as keyed
            hashes. The system with its request id, so that an id is never used twice, not even after a restart.
        counts: Counters that advance exactly if the entry is written. One that refuses drops this entry alone.
        riders: Whatever else has to be committed with the entry; they run after the counts. Each costs a savepoint,
            and everyone's commit waits for it: prefer a count.
        placed: Riders that are told the entry's position; they run after the others.
    """

    kind: str
    accountability: Mapping[str, Json]
    person: Mapping[str, Json] | None = None
    request_digest: bytes = b""
    about: bytes | None = None
    unique: tuple[str, bytes] | None = None
    counts: tuple[Count, ...] = ()
    riders: tuple[Rider, ...] = ()
    placed: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry that is durable.

    Attributes:
        leaf_index: Its position in the log, from 0.
        leaf_hash: RFC 6962 leaf hash, 32 bytes.
        promise: The log's signed promise that this leaf is at this position, under `keys.signing.PROMISE`.
    """

    leaf_index: int
    leaf_hash: bytes
    promise: BatchItem


class Encoded(NamedTuple):
    """A draft made ready: checked, timed and written as canonical JSON."""

    kind: str
    time_ms: int
    department: str | None
    request: int | None
    accountability: bytes
    person: bytes | None
    request_digest: bytes
    about: bytes | None
    unique: tuple[str, bytes] | None
    counts: tuple[Count, ...] = ()
    counters: tuple[str, ...] = ()
    riders: tuple[Rider, ...] = ()
    placed: tuple[Placed, ...] = ()

    @property
    def rides(self) -> bool:
        """Whether something else has to be committed with it."""
        return bool(self.riders or self.placed)


def encode(draft: EntryDraft, now_ms: int) -> Encoded:
    """Check a draft and write its parts.

    Args:
        draft: What is to be recorded.
        now_ms: The time that the entry gets, Unix ms.

    Raises:
        BadEntry: It cannot be recorded. Fails closed: the caller has no promise.
    """
    if draft.kind not in _KINDS:
        raise BadEntry("the kind is unknown")
    if not _RESERVED.isdisjoint(draft.accountability):
        raise BadEntry("kind and time_ms are set by the log")
    if len(draft.request_digest) not in _DIGEST_SIZES:
        raise BadEntry("a request digest has 32 bytes")
    request = draft.accountability.get("request")
    department = draft.accountability.get("department")
    if request is not None and (type(request) is not int or request < 0):
        raise BadEntry("request is the index of an entry")
    if department is not None and not isinstance(department, str):
        raise BadEntry("department is an id")
    kind = str(draft.kind)
    # By position: by name takes three times as long, and this is done for every entry.
    return Encoded(
        kind,
        now_ms,
        department,
        request,
        part({**draft.accountability, "kind": kind, "time_ms": now_ms}),
        None if draft.person is None else part(draft.person),
        draft.request_digest,
        draft.about,
        draft.unique,
        draft.counts,
        # Here and not when they are counted, so that a count that cannot name its numbers fails its own caller alone.
        tuple([name for count in draft.counts for name in count.names(now_ms)]) if draft.counts else (),
        draft.riders,
        draft.placed,
    )


def part(value: Mapping[str, Json]) -> bytes:
    """One part as canonical JSON, equal to `keys.canonical.write`.

    Raises:
        BadEntry: It holds what canonical JSON has no single spelling for, or it is too large.
    """
    try:
        _check(value)
        raw = _encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadEntry("the part cannot be written as JSON") from error
    if len(raw) > LARGEST_PART:
        raise BadEntry("the part is too large")
    return raw


def _encoder() -> Callable[[object], str]:
    """Writes the same text as `keys.canonical.write` (tested), without a second walk for what `_check` covers.

    `_check` refuses floats, and ends with an error where a value holds itself. What `JSONEncoder.encode` makes anew at
    each call, CPython's encoder in C, is made once: that is a fifth of the time. Without it `encode` does the same.
    """
    plain = json.JSONEncoder(
        sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    kept = make(None, plain.default, json.encoder.encode_basestring, None, ":", ",", True, False, False)

    def encode(value: object) -> str:
        return "".join(kept(value, 0))

    return encode


_encode: Final = _encoder()
_KINDS: Final = frozenset(str(kind) for kind in Kind)
_PLAIN: Final = frozenset({str, int, bool, type(None)})


def _check(value: object) -> None:
    """Refuse floats, keys that are not text and foreign types. Plain values are looked at inline: a hot path."""
    if type(value) is dict:
        for key, inner in value.items():
            if type(key) is not str:
                raise BadEntry("keys are text")
            if type(inner) not in _PLAIN:
                _check(inner)
    elif type(value) is list or type(value) is tuple:
        for inner in value:
            if type(inner) not in _PLAIN:
                _check(inner)
    elif not isinstance(value, str | int):
        # Subclasses of text and numbers (enumerations) are written as what they are.
        raise BadEntry("a part holds text, whole numbers, lists and objects with text keys")
