"""Whether a request joins from end to end: asked → decided → released → received, each by digest.

Given are the request's own entries, whose leaf hashes and proofs somebody else checked; with them, or from elsewhere,
the nodes' own records. What does not join is a `Gap`: a stable code, what it is about, and a public text in Chinese
and English. No gap means that each step names the one before it by digest, and that the receiving system signed for
exactly the receipts that the outcome names.

Pure: it needs `keys` only, so that an auditor can do without the gateway. What it cannot show: that the
department key under which a statement verifies is that department's; compare `Statements.fingerprints` with what the
department made public.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.views import LogEntry
from keys import canonical
from keys.acknowledgement import Acknowledgement, BadAcknowledgement, Statement, read_statement
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, open_certified, verify_key
from keys.signing import ACKNOWLEDGEMENT, fingerprint_of

RELEASED: Final = "released"


class GapKind(StrEnum):
    """What can be missing or not fit; docs/audit.md lists each (tested)."""

    NOT_ASKED = "NOT_ASKED"
    NO_OUTCOME = "NO_OUTCOME"
    REQUEST_DIFFERS = "REQUEST_DIFFERS"
    NOT_DECIDED = "NOT_DECIDED"
    RECEIPT_MISSING = "RECEIPT_MISSING"
    NOT_ACKNOWLEDGED = "NOT_ACKNOWLEDGED"
    RECEIVED_OTHER = "RECEIVED_OTHER"
    RECEIVED_WRONG = "RECEIVED_WRONG"
    STATEMENT_FALSE = "STATEMENT_FALSE"
    NODE_LACKS = "NODE_LACKS"
    NODE_HAS_OTHER = "NODE_HAS_OTHER"
    NODE_SIGNATURE = "NODE_SIGNATURE"


TEXTS: Final[Mapping[GapKind, tuple[str, str]]] = {
    GapKind.NOT_ASKED: ("没有与该结果对应的请求登记", "There is no entry of the question that this outcome closes"),
    GapKind.NO_OUTCOME: ("请求已登记，但没有结果登记", "The question is on the log, its outcome is not"),
    GapKind.REQUEST_DIFFERS: (
        "请求登记与结果登记不是同一请求或同一系统",
        "Question and outcome are not of the same request or system",
    ),
    GapKind.NOT_DECIDED: (
        "放行了未经决定许可的信息项",
        "An item was released that the decision did not permit in this form",
    ),
    GapKind.RECEIPT_MISSING: (
        "登记为已放行，但结果未列出该资源的节点回执",
        "Recorded as released, but the outcome names no node's receipt for this resource",
    ),
    GapKind.NOT_ACKNOWLEDGED: (
        "接收系统没有确认收到",
        "The receiving system did not acknowledge that it received this",
    ),
    GapKind.RECEIVED_OTHER: (
        "接收系统签名确认的回执与结果登记的不一致",
        "The receiving system signed for other receipts than the outcome names",
    ),
    GapKind.RECEIVED_WRONG: (
        "接收系统报告答复未通过核验",
        "The receiving system says that the answer did not hold",
    ),
    GapKind.STATEMENT_FALSE: (
        "确认收到的登记无法验证：签名、密钥或内容不符",
        "The entry of an acknowledgement does not verify: signature, keys or content",
    ),
    GapKind.NODE_LACKS: (
        "结果列出的回执不在节点自己的记录中",
        "The outcome names a receipt that the node's own records do not have",
    ),
    GapKind.NODE_HAS_OTHER: (
        "节点为该请求签发的回执未列入结果",
        "The node signed a receipt for this request that the outcome does not name",
    ),
    GapKind.NODE_SIGNATURE: (
        "节点记录中的回执签名验证失败",
        "A receipt in the node's records does not verify under the node's keys",
    ),
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that does not join.

    Attributes:
        kind: What.
        about: A resource code, a digest in hexadecimal, or the code of a check; may be empty.
        entry: Index of the acknowledging entry in which it is found; None when it is in none.
    """

    kind: GapKind
    about: str = ""
    entry: int | None = None

    @property
    def texts(self) -> tuple[str, str]:
        """In Chinese and in English."""
        return TEXTS[self.kind]


@dataclass(frozen=True, slots=True)
class NodeReceipt:
    """One receipt as a node's own records have it.

    Attributes:
        node: SPIFFE id of the node.
        department: Its department.
        resource: Resource code.
        request: SHA-256 of the request, 32 bytes.
        digest: SHA-256 of the receipt's exact bytes, 32 bytes.
        signed: Whether the node's signature over it verified.
    """

    node: str
    department: str
    resource: str
    request: bytes
    digest: bytes
    signed: bool


class Statements:
    """Opens what acknowledging entries say; each is verified once.

    Attributes:
        fingerprints: Fingerprint of the department key under which each entry's statement verified, by its index.
    """

    def __init__(self) -> None:
        self._opened: dict[int, Statement | None] = {}
        self.fingerprints: dict[int, str] = {}

    def open(self, entry: LogEntry) -> Statement | None:
        """The statement of an entry; None when it does not verify. Fails closed."""
        if entry.leaf_index not in self._opened:
            try:
                self._opened[entry.leaf_index] = self._verified(entry)
            except (KeysError, BadAcknowledgement, canonical.NotCanonical, KeyError, TypeError, AttributeError):
                self._opened[entry.leaf_index] = None
        return self._opened[entry.leaf_index]

    def _verified(self, entry: LogEntry) -> Statement | None:
        said = entry.account
        keys = said["keys"]
        body = str(said["statement"]).encode()
        certified = CertifiedKeys(
            str(keys["body"]).encode(),
            canonical.from_text(keys["signature"]),
            canonical.from_text(keys["department_key"]),
        )
        presented = fingerprint_of(certified.department_key)
        # Valid when the gateway took it, which the log's own time tells; the statement's time is the system's word.
        opened = open_certified(certified, accepted_fingerprint=presented, now_ms=entry.time_ms)
        verify_key(opened).verify(ACKNOWLEDGEMENT, body, canonical.from_text(said["signature"]))
        statement = read_statement(body)
        names = {statement.system, opened.holder, said["system"]}
        if entry.kind != Kind.ACKNOWLEDGED or len(names) != 1 or opened.department != said["department"]:
            return None
        self.fingerprints[entry.leaf_index] = presented
        return statement


def named_receipts(outcome: LogEntry) -> dict[str, str]:
    """The digests, hexadecimal, that an outcome names as released, with the resource of each."""
    listed = outcome.account.get("receipts", ())
    return {_digest_of(one): str(one.get("resource", "")) for one in listed if isinstance(one, dict)}


def acknowledgement_of(statement: Statement, release: int) -> Acknowledgement | None:
    """What a statement says about one release; None when it says nothing about it."""
    return next((one for one in statement.acknowledgements if one.entry == release), None)


def gaps(
    asked: LogEntry | None,
    outcome: LogEntry | None,
    acknowledgements: Sequence[LogEntry],
    statements: Statements | None = None,
) -> list[Gap]:
    """What does not join in the entries of one request.

    Args:
        asked: The question's entry, if there is one.
        outcome: The entry that closes it, if there is one.
        acknowledgements: Every entry that is said to acknowledge the outcome.
        statements: What was opened before, so that nothing is verified twice.

    Returns:
        Every gap, in the order of the steps; empty when everything joins.
    """
    if outcome is None:
        return [] if asked is None else [Gap(GapKind.NO_OUTCOME)]
    found: list[Gap] = []
    if asked is None or asked.kind != Kind.ASKED or outcome.kind not in OUTCOMES:
        found.append(Gap(GapKind.NOT_ASKED))
    else:
        found += _same_request(asked, outcome)
    if outcome.kind != Kind.RELEASED:
        return found
    if asked is not None and asked.kind == Kind.ASKED:
        found += _decided(asked, outcome)
    found += _receipts(outcome)
    return found + _received(outcome, acknowledgements, statements or Statements())


def node_gaps(outcome: LogEntry, records: Iterable[NodeReceipt], departments: Iterable[str]) -> list[Gap]:
    """What does not join between an outcome and the nodes' own records.

    Args:
        outcome: The outcome's entry, of whatever kind: a node may have answered what was not passed on.
        records: The nodes' receipts.
        departments: Whose records are complete; only their receipts can be missed.

    Returns:
        Every gap.
    """
    request = str(outcome.account.get("request_digest", ""))
    held = [one for one in records if one.request.hex() == request]
    named = named_receipts(outcome)
    complete = frozenset(departments)
    expected = [
        _digest_of(one)
        for one in outcome.account.get("receipts", ())
        if isinstance(one, dict) and one.get("department") in complete and one.get("receipt")
    ]
    there = {one.digest.hex() for one in held}
    found = [Gap(GapKind.NODE_LACKS, digest) for digest in expected if digest not in there]
    for one in held:
        if not one.signed:
            found.append(Gap(GapKind.NODE_SIGNATURE, one.digest.hex()))
        if one.digest.hex() not in named:
            found.append(Gap(GapKind.NODE_HAS_OTHER, one.digest.hex()))
    return found


def _digest_of(receipt: Mapping[str, Any]) -> str:
    return str(receipt.get("receipt") or receipt.get("sealed") or "")


def _same_request(asked: LogEntry, outcome: LogEntry) -> list[Gap]:
    names = ("request_digest", "system", "department", "request_id")
    one, other = asked.account, outcome.account
    same = all(one.get(name) == other.get(name) for name in names) and bool(one.get("request_digest"))
    return [] if same and other.get("request") == asked.leaf_index else [Gap(GapKind.REQUEST_DIFFERS)]


def _decided(asked: LogEntry, outcome: LogEntry) -> list[Gap]:
    permitted = {_item(one) for one in asked.account.get("items", ()) if not one.get("reason")}
    released = [one for one in outcome.account.get("items", ()) if one.get("outcome") == RELEASED]
    return [
        Gap(GapKind.NOT_DECIDED, f"{one.get('resource')}.{one.get('field')}:{one.get('form')}")
        for one in released
        if _item(one) not in permitted
    ]


def _item(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(one.get("resource")), str(one.get("field")), str(one.get("form"))


def _receipts(outcome: LogEntry) -> list[Gap]:
    listed = [one for one in outcome.account.get("receipts", ()) if isinstance(one, dict)]
    if any(one.get("sealed") for one in listed):
        # The answer to a locate: sealed by the gateway, about all resources at once.
        return []
    answered = {str(one.get("resource")) for one in listed if one.get("receipt")}
    released = {str(one.get("resource")) for one in outcome.account.get("items", ()) if one.get("outcome") == RELEASED}
    return [Gap(GapKind.RECEIPT_MISSING, resource) for resource in sorted(released - answered)]


def _received(outcome: LogEntry, acknowledgements: Sequence[LogEntry], statements: Statements) -> list[Gap]:
    if not acknowledgements:
        return [Gap(GapKind.NOT_ACKNOWLEDGED)]
    found = []
    for entry in acknowledgements:
        statement = statements.open(entry)
        said = None if statement is None else acknowledgement_of(statement, outcome.leaf_index)
        if statement is None or said is None or statement.system != outcome.account.get("system"):
            found.append(Gap(GapKind.STATEMENT_FALSE, entry=entry.leaf_index))
        elif said.wrong:
            found.append(Gap(GapKind.RECEIVED_WRONG, said.wrong, entry.leaf_index))
        elif (said.request.hex(), {digest.hex() for digest in said.received}) != (
            outcome.account.get("request_digest"),
            set(named_receipts(outcome)),
        ):
            found.append(Gap(GapKind.RECEIVED_OTHER, entry=entry.leaf_index))
    return found
