"""What a rule says of itself beside its condition: its titles and the scope that it means to be about.

Rules kept here: titles are annotations in the bundle, so they are under its digest like the rules; a rule without a
title is called by its id, in both languages. A scope is never used to decide: `policies.lint` compares it with what the
rule really matches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.engine.rules import KNOWN_TERMS_RULE, PURPOSES_RULE


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule for a reader: its id, its effect (`permit` or `forbid`), titles, and stated scope (may be empty)."""

    id: str
    effect: str
    zh: str
    en: str
    scope: str = ""


def read_titles(parsed: Mapping[str, Any]) -> dict[str, RuleText]:
    """The texts of every rule.

    Args:
        parsed: The bundle in Cedar's JSON policy format; each rule has its `@id`.

    Returns:
        Text by rule id, in no particular order.
    """
    texts: dict[str, RuleText] = {}
    for rule in parsed["staticPolicies"].values():
        said = rule.get("annotations", {})
        name = said["id"]
        zh, en = said.get("title_zh") or name, said.get("title_en") or name
        texts[name] = RuleText(name, rule["effect"], zh, en, said.get("scope") or "")
    return texts


def unknown_rule(name: str) -> RuleText:
    """The text of a rule that is in no bundle: the engine's own, or one of which nothing but its id is known."""
    return _OWN.get(name) or RuleText(name, "", name, name)


_OWN: Final = {
    KNOWN_TERMS_RULE: RuleText(
        KNOWN_TERMS_RULE, "forbid", "只认已登记的词项", "Only registered terms are understood", "*"
    ),
    PURPOSES_RULE: RuleText(
        PURPOSES_RULE,
        "forbid",
        "用途须在用且允许以该法律依据办理",
        "The purpose must be active and may rest on the legal basis",
        "*",
    ),
}
