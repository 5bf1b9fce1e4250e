"""What the log keeps of a decision: enough to explain it later as it was made, and to make it again.

Written into `asked` and `refused` entries (`record.py`), read back for explanations and simulations. Rules kept here:
codes, digests and yes or no, never a value or an identifier; what an entry does not say is not guessed: an entry
without these facts is not explained.

What it does not do: it neither explains nor decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.entries import Json
from gateway.audit.kinds import Kind
from gateway.audit.views import LogEntry
from gateway.exchange.consider import Considered
from gateway.exchange.decide import Plan
from gateway.exchange.model import RequestItem
from policies.engine import ItemDecision
from policies.vocabulary import Form, LegalBasis, Necessity

EXPLAINABLE: Final = frozenset({Kind.ASKED, Kind.REFUSED})
"""Kinds of entries that hold a decision."""


_REFERENCES: Final = ("consent", "explicit_request")


class NotRecorded(ValueError):
    """An entry holds no decision that could be explained."""


@dataclass(frozen=True, slots=True)
class RecordedItem:
    """One item as it was decided; `reason` is empty when it was released.

    `form` is the one that was decided on, `needed` the least revealing one that would have done, `accepted` the more
    revealing ones that the system would have taken instead; `predicate` is the name of the agreement's, empty when the
    form is another or the agreement had none that was needed.
    """

    field: str
    form: Form
    needed: Form
    accepted: tuple[Form, ...]
    predicate: str
    necessity: Necessity
    released: bool
    reason: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedResource:
    """One resource as it was described then, and the agreement that the decision looked at.

    `agreement` is id, revision and digest (hex), None when there was none; `counts` says whether it was in force.
    `consent` is why the person's consent did not cover the items, empty when it did; None with another legal basis.
    """

    code: str
    version: int
    fingerprint: str
    agreement: tuple[str, int, str] | None
    counts: bool
    consent: str | None
    items: tuple[RecordedItem, ...]


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """One request as it was decided. `at_ms` is when, Unix ms.

    `references` names what else the request named, such as its consent, by digest; `emergency` is the reason of the
    declared emergency, empty when none was declared; `service` the code of the service item, empty when none was named.
    """

    index: int
    at_ms: int
    consumer: str
    system: str
    purpose: str
    basis: LegalBasis
    scheme: str
    case_present: bool
    official_present: bool
    bundle: str
    resources: tuple[RecordedResource, ...]
    references: Mapping[str, str]
    emergency: str = ""
    service: str = ""


def decided_items(plan: Plan) -> list[Json]:
    """Every item with what was decided about it and by which rules, in the order of the request.

    Args:
        plan: The decision.
    """
    return [_item(part, item, one) for part in plan.considered for item, one in part.decided]


def decided_facts(plan: Plan) -> dict[str, Json]:
    """What entered the decision beside who asked and why.

    Args:
        plan: The decision.
    """
    asked = plan.asking
    if asked is None:
        return {}
    return {
        "at_ms": asked.now_ms,
        "scheme": asked.scheme,
        "case": asked.case_present,
        "official": asked.official_present,
        "resources": [_resource(part, asked.basis) for part in plan.considered],
    }


def read_decision(entry: LogEntry) -> RecordedDecision:
    """The decision that an entry holds.

    Args:
        entry: Of the kind `asked` or `refused`.

    Raises:
        NotRecorded: It holds none: it is of another kind, or the request was refused before it was decided.
    """
    said = entry.account
    facts = said.get("decided")
    if entry.kind not in EXPLAINABLE or not isinstance(facts, dict) or "resources" not in facts:
        raise NotRecorded("the entry holds no decision")
    items: dict[str, list[RecordedItem]] = {}
    for item in said["items"]:
        items.setdefault(item["resource"], []).append(_read_item(item))
    return RecordedDecision(
        index=entry.leaf_index,
        at_ms=int(facts["at_ms"]),
        consumer=str(said["department"]),
        system=str(said["system"]).rpartition("/")[2],
        purpose=str(said["purpose"]),
        basis=LegalBasis(said["legal_basis"]),
        scheme=str(facts["scheme"]),
        case_present=bool(facts["case"]),
        official_present=bool(facts["official"]),
        bundle=str(said.get("bundle", "")),
        resources=tuple(_read_resource(one, items) for one in facts["resources"]),
        references={name: str(said[name]) for name in _REFERENCES if said.get(name)},
        emergency=str((said.get("emergency") or {}).get("reason", "")),
        service=str((said.get("service") or {}).get("code", "")),
    )


def _item(part: Considered, item: RequestItem, one: ItemDecision) -> dict[str, Json]:
    """One item. The constants of a predicate that no agreement has are never kept: they may be anything."""
    text: dict[str, Json] = {
        "resource": item.resource,
        "field": item.field,
        "form": str(one.form),
        "rules": list(one.rules),
    }
    if one.form is not item.form:
        text["needed"] = str(item.form)
    if item.accepted:
        text["accepted"] = [str(form) for form in item.accepted]
    if item.form is Form.PREDICATE and item.field in part.predicates:
        text["predicate"] = part.predicates[item.field].name
    if item.necessity is not Necessity.REQUIRED:
        text["necessity"] = str(item.necessity)
    if not one.allowed:
        text |= {"outcome": "withheld", "reason": str(one.reason)}
    return text


def _resource(part: Considered, basis: LegalBasis) -> dict[str, Json]:
    resource, held = part.entry.resource, part.agreement
    text: dict[str, Json] = {
        "resource": resource.code,
        "version": part.entry.version,
        "fingerprint": resource.fingerprint,
    }
    if held is not None:
        agreement: dict[str, Json] = {"id": held.id, "revision": held.revision, "digest": held.digest.hex()}
        text |= {"agreement": agreement, "counts": part.in_force}
    if basis is LegalBasis.CONSENT:
        text["consent"] = "" if part.consent is None else str(part.consent)
    return text


def _read_item(item: Mapping[str, Any]) -> RecordedItem:
    withheld = item.get("outcome") == "withheld"
    return RecordedItem(
        field=str(item["field"]),
        form=Form(item["form"]),
        needed=Form(item.get("needed", item["form"])),
        accepted=tuple(Form(form) for form in item.get("accepted", ())),
        predicate=str(item.get("predicate", "")),
        necessity=Necessity(item.get("necessity", Necessity.REQUIRED)),
        released=not withheld,
        reason=str(item["reason"]) if withheld else "",
        rules=tuple(map(str, item.get("rules", ()))),
    )


def _read_resource(said: Mapping[str, Any], items: Mapping[str, Sequence[RecordedItem]]) -> RecordedResource:
    held = said.get("agreement")
    return RecordedResource(
        code=str(said["resource"]),
        version=int(said["version"]),
        fingerprint=str(said["fingerprint"]),
        agreement=None if held is None else (str(held["id"]), int(held["revision"]), str(held["digest"])),
        counts=bool(said.get("counts", False)),
        consent=None if "consent" not in said else str(said["consent"]),
        items=tuple(items.get(str(said["resource"]), ())),
    )
