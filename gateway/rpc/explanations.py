"""Puts explanations into messages of PolicyService; the operator's command prints the same ones without the door."""

import json

from gateway.exchange.explain import ExplainedEntry
from oncegate.v1 import policy_pb2
from policies.explain import Explained, document, sentences
from policies.explain.compare import same_decision
from policies.explain.sentences import difference_sentence


def explanation_of(explained: Explained) -> policy_pb2.Explanation:
    """One explanation, for programs and in both languages.

    Args:
        explained: What there is to say.
    """
    return policy_pb2.Explanation(
        document=json.dumps(document(explained), ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        zh=sentences(explained, "zh"),
        en=sentences(explained, "en"),
    )


def explained_entry(found: ExplainedEntry) -> policy_pb2.ExplainEntryResponse:
    """A recorded decision beside the one of today.

    Args:
        found: Both.
    """
    return policy_pb2.ExplainEntryResponse(
        leaf_index=found.index,
        explanation=explanation_of(found.then),
        outcome=found.outcome,
        same_today=found.now is not None and same_decision(found.differences),
        differences_zh=[difference_sentence(one, "zh") for one in found.differences],
        differences_en=[difference_sentence(one, "en") for one in found.differences],
        today=None if found.now is None else explanation_of(found.now),
    )
