"""An explanation as plain values that become JSON: what programs read, with the sentences beside it."""

from typing import Any, Final

from policies.explain.compare import Difference, same_decision
from policies.explain.model import Explained, ExplainedItem, ExplainedResource
from policies.explain.sentences import difference_sentence, reason_words, sentences

FORMAT: Final = "oncegate.explanation/1"


def document(explained: Explained) -> dict[str, Any]:
    """One explanation.

    Args:
        explained: What there is to say.

    Returns:
        Plain values for JSON.
    """
    purpose_zh, purpose_en = explained.purpose_words or ("", "")
    return {
        "format": FORMAT,
        "at_unix_ms": explained.at_ms,
        "consumer": explained.consumer,
        "system": explained.system,
        "purpose": explained.purpose,
        "purpose_zh": purpose_zh,
        "purpose_en": purpose_en,
        "legal_basis": explained.basis,
        "scheme": explained.scheme,
        "case_present": explained.case_present,
        "official_present": explained.official_present,
        **({"emergency": explained.emergency} if explained.emergency else {}),
        "bundle": explained.bundle,
        "refused": explained.refuses,
        "resources": [_resource(resource) for resource in explained.resources],
        **({"further": dict(explained.further)} if explained.further else {}),
        "sentences": {language: list(sentences(explained, language)) for language in ("zh", "en")},
    }


def comparison(found: tuple[Difference, ...], now: Explained) -> dict[str, Any]:
    """What deciding again gives.

    Args:
        found: The differences.
        now: The decision made again.
    """
    return {
        "same": same_decision(found),
        "differences": [
            {
                "what": one.what,
                "resource": one.resource,
                "item": one.item,
                "then": one.then,
                "now": one.now,
                "zh": difference_sentence(one, "zh"),
                "en": difference_sentence(one, "en"),
            }
            for one in found
        ],
        "decision": document(now),
    }


def _resource(resource: ExplainedResource) -> dict[str, Any]:
    held, uses = resource.agreement, resource.uses
    return {
        "resource": resource.code,
        "version": resource.version,
        "fingerprint": resource.fingerprint,
        "agreement": None if held is None else {"id": held.id, "revision": held.revision, "digest": held.digest},
        "agreement_applies": resource.counts,
        "consent": resource.consent,
        "uses": None if uses is None else {"taken": uses.taken, "per_day": uses.per_day},
        "items": [_item(item) for item in resource.items],
    }


def _item(item: ExplainedItem) -> dict[str, Any]:
    zh, en = reason_words(item.reason) if item.reason else ("", "")
    return {
        "field": item.field,
        "form": str(item.form),
        "needed": str(item.needed),
        "predicate": item.predicate,
        "necessity": str(item.necessity),
        "outcome": "released" if item.released else "withheld",
        "reason": item.reason,
        "reason_zh": zh,
        "reason_en": en,
        "rules": [{"id": rule.id, "effect": rule.effect, "zh": rule.zh, "en": rule.en} for rule in item.rules],
    }
