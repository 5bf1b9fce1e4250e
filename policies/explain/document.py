"""An explanation as plain values that become JSON: what programs read, with the sentences beside it."""

from typing import Any, Final

from policies.explain.model import Ending, Explained, ExplainedItem, ExplainedResource, Uses
from policies.explain.sentences import reason_words, sentences

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
        **({"service": explained.service} if explained.service else {}),
        "bundle": explained.bundle,
        "refused": explained.refuses,
        "ending": _ending(explained.ending),
        "resources": [_resource(resource) for resource in explained.resources],
        **({"further": dict(explained.further)} if explained.further else {}),
        "sentences": {language: list(sentences(explained, language)) for language in ("zh", "en")},
    }


def _resource(resource: ExplainedResource) -> dict[str, Any]:
    held = resource.agreement
    return {
        "resource": resource.code,
        "version": resource.version,
        "fingerprint": resource.fingerprint,
        "agreement": None if held is None else {"id": held.id, "revision": held.revision, "digest": held.digest},
        "agreement_applies": resource.counts,
        "damaged": [{"id": one.id, "revision": one.revision, "rule": one.rule} for one in resource.damaged],
        "consent": resource.consent,
        "uses": _uses(resource.uses),
        "subjects": _uses(resource.subjects),
        "rate_per_minute": resource.rate_per_minute or None,
        "items": [_item(item) for item in resource.items],
    }


def _ending(ending: Ending | None) -> dict[str, Any] | None:
    if ending is None:
        return None
    return {
        "how": "broke_off" if ending.broke_off else "refused",
        "reason": ending.code,
        "zh": ending.zh,
        "en": ending.en,
    }


def _uses(uses: Uses | None) -> dict[str, Any] | None:
    return None if uses is None else {"taken": uses.taken, "per_day": uses.per_day}


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
        "became": None if item.became is None else str(item.became),
        "because": item.because,
        "rules": [{"id": rule.id, "effect": rule.effect, "zh": rule.zh, "en": rule.en} for rule in item.rules],
    }
