"""Lints a bundle: what keeps it from loading, and what its own rules probably do not mean.

Rules kept here: a bundle that does not load gives the error that keeps it from loading and nothing else, because
nothing can be tried then; a rule is tried alone, on questions chosen by what it talks about (`questions.py`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import cedarpy

from policies.agreements import Term
from policies.engine import GUARDRAILS, AccessQuestion, BadBundle
from policies.engine.bundle import SCHEMA_FILE, Fault, check_bundle
from policies.engine.facts import Rules, evaluate, parse_entities, term_of
from policies.identifiers import known_schemes
from policies.lint.findings import Finding, FindingCode
from policies.lint.questions import Tried, questions_for
from policies.lint.scope import BadScope, Scope, parse_scope, words_of
from policies.purposes import PURPOSES, Purposes

_BY_FAULT: Final = {
    Fault.UNREADABLE: FindingCode.BUNDLE_UNREADABLE,
    Fault.DOES_NOT_PARSE: FindingCode.BUNDLE_DOES_NOT_PARSE,
    Fault.DOES_NOT_VALIDATE: FindingCode.UNKNOWN_WORD,
    Fault.UNKNOWN_PURPOSE: FindingCode.UNKNOWN_WORD,
    Fault.RULE_UNNAMED: FindingCode.RULE_UNNAMED,
    Fault.EMPTY: FindingCode.BUNDLE_EMPTY,
    Fault.GUARDRAIL_MISSING: FindingCode.GUARDRAIL_MISSING,
    Fault.GUARDRAIL_HOLLOW: FindingCode.GUARDRAIL_HOLLOW,
    Fault.RULE_ERRS: FindingCode.RULE_ERRS,
}
_MOST_DETAIL: Final = 400


class _Rule:
    """One rule, alone."""

    def __init__(self, parsed: Mapping[str, Any], schema: cedarpy.Schema, place: tuple[str, int]) -> None:
        self.parsed = parsed
        self.said: Mapping[str, str] = parsed.get("annotations", {})
        self.name = self.said["id"]
        self.permits = parsed["effect"] == "permit"
        self.file, self.line = place
        text = {"staticPolicies": {self.name: parsed}, "templates": {}, "templateLinks": []}
        self.rules = Rules(cedarpy.PolicySet.from_str(cedarpy.policies_from_json_str(json.dumps(text))), schema)
        self.scope: Scope | None = None
        self.tried = Tried((), whole=True)
        self.matched: tuple[AccessQuestion, ...] = ()

    def finding(self, code: FindingCode, detail: str = "") -> Finding:
        return Finding(code, self.file, self.line, self.name, detail[:_MOST_DETAIL])

    def matches(self, question: AccessQuestion) -> bool:
        """Whether this rule alone determines the answer to a question about one item."""
        (code, form, _) = question.items[0]
        field = question.resource.field(code)
        if field is None:
            return False
        (result,) = evaluate(self.rules, question, [(field, form)], parse_entities(self.rules, question, [field]))
        return bool(result.diagnostics.reasons)


def lint_bundle(
    files: Mapping[str, bytes], known: Mapping[str, Iterable[str]] | None = None, purposes: Purposes = PURPOSES
) -> tuple[Finding, ...]:
    """Look for what is wrong with a bundle or probably not meant.

    Args:
        files: Exact bytes by name.
        known: Ids that exist, by Cedar type (`Department`, `System`, `Resource`, `Field`); a type that is not in it is
            not checked. Kinds of identifiers are always checked.
        purposes: The registered purposes.

    Returns:
        Findings, ordered by file and line.
    """
    texts = {name: raw.decode("utf-8", "replace") for name, raw in files.items() if name.endswith(".cedar")}
    places = dict(_places(texts))
    try:
        check_bundle(files, purposes)
    except BadBundle as error:
        file, line = places.get(error.name, _mentioned(error.rule, places) or ("", 0))
        return (Finding(_BY_FAULT[error.fault], file or "bundle", line, error.name, error.rule[:_MOST_DETAIL]),)
    schema = cedarpy.Schema.from_str(files[SCHEMA_FILE].decode())
    parsed = json.loads(cedarpy.policies_to_json_str("\n".join(texts.values())))["staticPolicies"].values()
    rules = [_Rule(one, schema, places[one["annotations"]["id"]]) for one in parsed]
    checked = {"Scheme": frozenset(known_schemes()), **{kind: frozenset(ids) for kind, ids in (known or {}).items()}}
    found: list[Finding] = []
    for rule in rules:
        found += _said(rule)
        found += _names(rule, checked)
        rule.tried = questions_for(rule.parsed, {} if rule.scope is None else rule.scope.allowed)
        rule.matched = tuple(question for question in rule.tried.questions if rule.matches(question))
        found += _breadth(rule)
    for rule in rules:
        if rule.name not in GUARDRAILS:
            found += _shadow(rule, [other for other in rules if other is not rule])
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.code)))


def _said(rule: _Rule) -> Iterator[Finding]:
    """What a rule says of itself."""
    if not rule.said.get("title_zh") or not rule.said.get("title_en"):
        yield rule.finding(FindingCode.RULE_WITHOUT_TITLE)
    if not rule.said.get("scope"):
        yield rule.finding(FindingCode.RULE_WITHOUT_SCOPE)
        return
    try:
        rule.scope = parse_scope(rule.said["scope"])
    except BadScope as error:
        yield rule.finding(FindingCode.SCOPE_MALFORMED, str(error))


def _names(rule: _Rule, known: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    unknown = {
        f'{kind}::"{name}"'
        for kind, name in _literals(rule.parsed)
        if kind in known and name not in known[kind] and not (kind == "Field" and name.endswith(":record"))
    }
    if unknown:
        yield rule.finding(FindingCode.UNKNOWN_NAME, ", ".join(sorted(unknown)))


def _breadth(rule: _Rule) -> Iterator[Finding]:
    how = "all combinations" if rule.tried.whole else "a sample of combinations"
    if not rule.matched:
        yield rule.finding(FindingCode.RULE_NEVER_MATCHES, f"{len(rule.tried.questions)} questions, {how}")
    if rule.permits:
        without = next((one for one in rule.matched if term_of(one) != Term.IN_FORCE), None)
        if without is not None:
            yield rule.finding(FindingCode.PERMIT_WITHOUT_AGREEMENT, _shown(without))
    if rule.scope is not None:
        for question in rule.matched:
            outside = rule.scope.outside(question)
            if outside:
                yield rule.finding(FindingCode.RULE_BROADER_THAN_SCOPE, f"{outside}; {_shown(question)}")
                return


def _shadow(rule: _Rule, others: Iterable[_Rule]) -> Iterator[Finding]:
    """Whether one other rule has the same effect whenever this one matches.

    For a permit also: whether a guardrail or another forbid always forbids what it permits.
    """
    if not rule.matched:
        return
    for other in others:
        if rule.permits == other.permits or rule.permits:
            # Of two rules that match alike, only the one that comes later is told.
            if (
                rule.permits == other.permits
                and _same(rule, other)
                and (rule.file, rule.line) < (other.file, other.line)
            ):
                continue
            if all(other.matches(question) for question in rule.matched):
                how = "" if rule.tried.whole else ", by a sample"
                yield rule.finding(FindingCode.RULE_SHADOWED, f"{other.name}{how}")
                return


def _same(rule: _Rule, other: _Rule) -> bool:
    return bool(other.matched) and all(rule.matches(question) for question in other.matched)


def _shown(question: AccessQuestion) -> str:
    return ", ".join(f"{key}={value}" for key, value in words_of(question).items())


def _literals(node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if isinstance(node.get("type"), str) and isinstance(node.get("id"), str):
            yield node["type"], node["id"]
        for value in node.values():
            yield from _literals(value)
    elif isinstance(node, list):
        for value in node:
            yield from _literals(value)


def _places(texts: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, int]]]:
    for file, text in texts.items():
        for found in re.finditer(r'@id\s*\(\s*"([^"]*)"\s*\)', text):
            yield found[1], (file, text.count("\n", 0, found.start()) + 1)


def _mentioned(text: str, places: Mapping[str, tuple[str, int]]) -> tuple[str, int] | None:
    """Where the rule stands whose id a message of Cedar names."""
    return next((place for name, place in places.items() if name and re.search(rf"\b{re.escape(name)}\b", text)), None)
