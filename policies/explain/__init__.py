"""Says what was decided and why, in sentences for people (Chinese and English) and as JSON for programs.

Rules kept here: an explanation says only what is in it; what is not known is said to be not known. It names
departments, systems, fields and rules, never a person.

What it does not do: it decides nothing and looks nothing up; whoever makes an `Explained` answers for its facts.
"""

from policies.explain.compare import Difference, differences
from policies.explain.document import document
from policies.explain.model import (
    AgreementFacts,
    Damaged,
    Ending,
    Explained,
    ExplainedItem,
    ExplainedResource,
    Fate,
    Uses,
    refuses,
)
from policies.explain.sentences import sentences

__all__ = [
    "AgreementFacts",
    "Damaged",
    "Difference",
    "Ending",
    "Explained",
    "ExplainedItem",
    "ExplainedResource",
    "Fate",
    "Uses",
    "differences",
    "document",
    "refuses",
    "sentences",
]
