"""Reads a node's own records, as `oncegate-node receipts export` writes them, to compare them with the access log.

A file is lines of canonical JSON: first what it is (`format` "oncegate.receipts/1", `node`, `keys`, and `request`, the
digest of the one request that it is limited to, or empty), then one receipt a line. Every receipt's signature is
verified under the node's keys in the file; that those are the node's, the fingerprint of its department key tells.

Which way it fails: closed. A line that is not spelled so ends the reading with its number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from gateway.audit.joining import NodeReceipt
from gateway.errors import bad_request
from keys import canonical
from keys.batch import BatchItem, ItemVerifier, scope
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, KeyCertificate, open_certified, verify_key
from keys.signing import RECEIPTS, digest, fingerprint_of
from oncegate.v1 import signed_pb2

FORMAT = "oncegate.receipts/1"
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class NodeRecords:
    """What a node's file says about one request.

    Attributes:
        node: SPIFFE id of the node.
        department: Its department.
        fingerprint: Of the department key that certifies the node's keys, to compare with what was made public.
        receipts: Those about the request.
    """

    node: str
    department: str
    fingerprint: str
    receipts: tuple[NodeReceipt, ...]


def read_records(path: Path, request: bytes) -> NodeRecords:
    """Read a node's file.

    Args:
        path: The file.
        request: SHA-256 of the request, 32 bytes; receipts about others are passed over.

    Returns:
        What it says about that request.

    Raises:
        Refused: BAD_REQUEST with file, line and rule.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = _line(path, 1, file.readline(_LONGEST_LINE))
        keys, fingerprint = _keys(path, head)
        if head.get("request") not in ("", request.hex()):
            raise bad_request(path.name, "is about another request only")
        verifier = ItemVerifier(verify_key(keys))
        found = []
        for number, raw in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 2):
            receipt = _receipt(path, number, _line(path, number, raw), keys, verifier, request)
            if receipt is not None:
                found.append(receipt)
    return NodeRecords(keys.holder, keys.department, fingerprint, tuple(found))


def _line(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        return canonical.read(raw.removesuffix(b"\n"))
    except canonical.NotCanonical:
        raise bad_request(f"{path.name}:{number}", "must be canonical JSON") from None


def _keys(path: Path, head: Mapping[str, Any]) -> tuple[KeyCertificate, str]:
    try:
        if head["format"] != FORMAT:
            raise bad_request(f"{path.name}:1", f"must be of the format {FORMAT}")
        shown = head["keys"]
        certified = CertifiedKeys(
            str(shown["body"]).encode(),
            canonical.from_text(shown["signature"]),
            canonical.from_text(shown["department_key"]),
        )
        fingerprint = fingerprint_of(certified.department_key)
        # Valid at the time of the export: receipts stay good when the keys are renewed later.
        keys = open_certified(certified, accepted_fingerprint=fingerprint, now_ms=int(head["exported_ms"]))
    except (KeysError, canonical.NotCanonical, KeyError, TypeError, ValueError):
        raise bad_request(f"{path.name}:1", "must say which node it is, with its certified keys") from None
    if keys.holder != head.get("node"):
        raise bad_request(f"{path.name}:1", "names another node than its keys")
    return keys, fingerprint


def _receipt(
    path: Path, number: int, said: Mapping[str, Any], keys: KeyCertificate, verifier: ItemVerifier, request: bytes
) -> NodeReceipt | None:
    try:
        shown = said["receipt"]
        item = BatchItem(
            canonical.from_text(shown["body"]),
            canonical.from_text(shown["signature"]),
            int(shown["leaf_index"]),
            int(shown["leaf_count"]),
            tuple(canonical.from_text(step) for step in shown["path"]),
        )
        session = canonical.from_text(said["session_id"])
        body = signed_pb2.ReceiptBody.FromString(item.body)
    except (canonical.NotCanonical, DecodeError, KeyError, TypeError, ValueError):
        raise bad_request(f"{path.name}:{number}", "must hold a signed receipt") from None
    if body.request_digest != request:
        return None
    try:
        verifier.verify(RECEIPTS, scope(keys.holder, session), item)
        signed = body.node == keys.holder
    except KeysError:
        signed = False
    return NodeReceipt(keys.holder, keys.department, body.resource, request, digest(item.body), signed)
