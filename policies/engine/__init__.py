"""Decides every field of a request with Cedar: default deny, and any doubt is a denial.

Rules kept here: a bundle that does not validate, lacks a guardrail or has a rule that can err does not load; an error
or a missing decision while deciding withholds the item; time is never part of what is cached.

What it does not do: it finds no agreement, checks no signature and counts no uses.
"""

from policies.engine.bundle import BadBundle
from policies.engine.engine import PolicyEngine
from policies.engine.question import AccessQuestion, Decision, ItemDecision
from policies.engine.rules import BEFORE_CEDAR, GUARDRAILS, KNOWN_TERMS_RULE, PURPOSES_RULE
from policies.engine.titles import RuleText

__all__ = [
    "BEFORE_CEDAR",
    "GUARDRAILS",
    "KNOWN_TERMS_RULE",
    "PURPOSES_RULE",
    "AccessQuestion",
    "BadBundle",
    "Decision",
    "ItemDecision",
    "PolicyEngine",
    "RuleText",
]
