"""Reads a bundle of rules from a directory and refuses it unless everything about it is understood.

A bundle is one `schema.cedarschema` and any number of `*.cedar` files. Rules kept here, all failing closed: it is not
empty; it validates strictly against its schema; every rule has its own `@id`; every guardrail is there as a `forbid`
and forbids what its name says; no rule errs when entities are missing; every purpose that a rule names is registered.

What it does not do: it does not watch the directory; a new bundle is loaded by making a new engine.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import cedarpy

from policies.engine import probes
from policies.engine.bounds import out_of_bounds
from policies.engine.facts import Rules, evaluate, parse_entities
from policies.engine.question import AccessQuestion
from policies.engine.rules import BEFORE_CEDAR, GUARDRAILS
from policies.engine.titles import RuleText, read_titles
from policies.plain import is_plain
from policies.purposes import PURPOSES, Purposes

PACKAGED: Final = Path(__file__).parent.parent / "bundle"
"""The bundle that comes with the package."""
SCHEMA_FILE: Final = "schema.cedarschema"
MAX_FILE_BYTES: Final = 1_048_576
MAX_TITLE: Final = 300

_SUFFIXES: Final = frozenset({".cedar", ".cedarschema"})
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RULE_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_NUMBER: Final = re.compile(r"`(policy\d+)`")
"""How Cedar names a rule in what it says about an error: by its place in the text."""


class Fault(StrEnum):
    """Kinds of reasons for which a bundle is refused; the linter's codes are made of them."""

    UNREADABLE = "unreadable"
    DOES_NOT_PARSE = "does_not_parse"
    DOES_NOT_VALIDATE = "does_not_validate"
    UNKNOWN_PURPOSE = "unknown_purpose"
    RULE_UNNAMED = "rule_unnamed"
    EMPTY = "empty"
    GUARDRAIL_MISSING = "guardrail_missing"
    GUARDRAIL_HOLLOW = "guardrail_hollow"
    RULE_ERRS = "rule_errs"


class BadBundle(ValueError):
    """A bundle is refused.

    Args:
        rule: What is wrong with it, naming files and rule ids.
        fault: Which kind of reason it is.
        name: Id of the rule concerned; empty when there is no single one.
    """

    def __init__(self, rule: str, fault: Fault = Fault.UNREADABLE, name: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.fault = fault
        self.name = name


class _RuleErrs(ValueError):
    """A rule errs at a probe; the text names rules as Cedar numbers them."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was checked: ready rules, digest of its files, what each rule says of itself, and the purposes."""

    rules: Rules
    digest: str
    titles: Mapping[str, RuleText]
    purposes: Purposes


def load_bundle(directory: Path, purposes: Purposes = PURPOSES) -> Bundle:
    """Read and check a bundle; fails closed: what is not understood is refused.

    Args:
        directory: Where its files are.
        purposes: The registered purposes: those that rules may name, and that decisions are held to.

    Returns:
        The bundle.

    Raises:
        BadBundle: With the first thing that is wrong.
    """
    return check_bundle(read_files(directory), purposes)


def check_bundle(files: Mapping[str, bytes], purposes: Purposes = PURPOSES) -> Bundle:
    """Check a bundle that was read; fails closed: what is not understood is refused.

    Args:
        files: Exact bytes by file name.
        purposes: As in `load_bundle`.

    Returns:
        The bundle.

    Raises:
        BadBundle: With the first thing that is wrong.
    """
    return _check({name: _text(name, files[name]) for name in sorted(files)}, purposes)


def read_files(directory: Path) -> dict[str, bytes]:
    """The exact bytes of a bundle's files by name: of all that is under its digest and of nothing else.

    Args:
        directory: Where they are.

    Raises:
        BadBundle: They cannot be read, or one is too large.
    """
    try:
        # Ordinary files alone: reading a pipe would wait for ever.
        paths = sorted(path for path in directory.iterdir() if path.suffix in _SUFFIXES and path.is_file())
        return {path.name: _bounded(path) for path in paths}
    except OSError as error:
        raise BadBundle(f"cannot be read: {error.strerror}") from error


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, each after its length in bytes (8, big-endian).

    Args:
        files: Exact bytes by file name.
    """
    state = hashlib.sha256(b"oncegate-bundle-v1\0")
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            state.update(len(part).to_bytes(8, "big") + part)
    return f"sha256:{state.hexdigest()}"


def _check(files: Mapping[str, str], purposes: Purposes) -> Bundle:
    if SCHEMA_FILE not in files:
        raise BadBundle(f"has no {SCHEMA_FILE}")
    if sum(name.endswith(".cedarschema") for name in files) > 1:
        raise BadBundle("has more than one schema")
    schema_text = files[SCHEMA_FILE]
    policies_text = "\n".join(text for name, text in files.items() if name != SCHEMA_FILE)
    for text in (schema_text, policies_text):
        if broken := out_of_bounds(text):
            raise BadBundle(broken, Fault.DOES_NOT_PARSE)
    try:
        schema = cedarpy.Schema.from_str(schema_text)
        rules = Rules(cedarpy.PolicySet.from_str(policies_text), schema)
        parsed: Mapping[str, Any] = json.loads(cedarpy.policies_to_json_str(policies_text))
        validation = cedarpy.validate_policies(policies_text, schema)
    except (ValueError, RecursionError) as error:
        raise BadBundle(f"does not parse: {error}", Fault.DOES_NOT_PARSE) from error
    _check_rules(parsed)
    if not validation.validation_passed:
        told = "; ".join(error.error for error in validation.errors)
        raise BadBundle(f"does not validate: {told}", Fault.DOES_NOT_VALIDATE)
    _check_purposes(parsed, purposes)
    try:
        _check_probes(rules)
    except _RuleErrs as error:
        raise _named(error, parsed) from None
    digest = digest_of({name: text.encode() for name, text in files.items()})
    return Bundle(rules, digest, read_titles(parsed), purposes)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise BadBundle(f"{path.name} is larger than {MAX_FILE_BYTES} bytes")
    return raw


def _text(name: str, raw: bytes) -> str:
    if not _FILE_NAME.fullmatch(name) or Path(name).suffix not in _SUFFIXES:
        raise BadBundle("has a file that is neither *.cedar nor a schema")
    if len(raw) > MAX_FILE_BYTES:
        raise BadBundle(f"{name} is larger than {MAX_FILE_BYTES} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBundle(f"{name} is not UTF-8") from None


def _check_rules(parsed: Mapping[str, Any]) -> None:
    if parsed["templates"]:
        raise BadBundle("has a template; rules are complete and agreements are data", Fault.RULE_UNNAMED)
    effects: dict[str, str] = {}
    for rule in parsed["staticPolicies"].values():
        name = rule.get("annotations", {}).get("id") or ""
        if not _RULE_ID.fullmatch(name) or name in BEFORE_CEDAR:
            raise BadBundle("has a rule without a proper @id", Fault.RULE_UNNAMED)
        for key in ("title_zh", "title_en", "scope"):
            said = rule["annotations"].get(key) or ""
            # Explanations say it in the middle of their own sentences.
            if len(said) > MAX_TITLE or not is_plain(said):
                rule_told = f"must be one line of at most {MAX_TITLE} printable characters"
                raise BadBundle(f"the @{key} of {name} {rule_told}", Fault.RULE_UNNAMED, name)
        if name in effects:
            raise BadBundle(f"has two rules with the @id {name}", Fault.RULE_UNNAMED, name)
        effects[name] = rule["effect"]
    if "permit" not in effects.values():
        raise BadBundle("is empty: no rule permits anything", Fault.EMPTY)
    for name in GUARDRAILS:
        if effects.get(name) != "forbid":
            raise BadBundle(f"lacks the guardrail {name}", Fault.GUARDRAIL_MISSING, name)


def _check_purposes(parsed: Mapping[str, Any], purposes: Purposes) -> None:
    for purpose in _literals(parsed, "Purpose"):
        if purpose and purpose not in purposes:
            raise BadBundle(f"names the purpose {purpose}, which is not registered", Fault.UNKNOWN_PURPOSE)


def _literals(node: object, kind: str) -> Iterator[str]:
    """Ids of all entities of one type that occur literally in rules (Cedar's JSON policy format)."""
    if isinstance(node, dict):
        if node.get("type") == kind and isinstance(node.get("id"), str):
            yield node["id"]
        for value in node.values():
            yield from _literals(value, kind)
    elif isinstance(node, list):
        for value in node:
            yield from _literals(value, kind)


def _check_probes(rules: Rules) -> None:
    forbidding = GUARDRAILS.keys() & _fired(rules, probes.PERMITTED)
    if forbidding:
        name = min(forbidding)
        raise BadBundle(f"the guardrail {name} forbids what it must leave alone", Fault.GUARDRAIL_HOLLOW, name)
    for name, questions in probes.FORBIDDEN.items():
        if any(name not in _fired(rules, question) for question in questions):
            raise BadBundle(f"the guardrail {name} does not forbid what it must", Fault.GUARDRAIL_HOLLOW, name)
    for question in probes.all_probes():
        for without in probes.ENTITY_TYPES[1:]:
            _fired(rules, question, without)


def _named(error: _RuleErrs, parsed: Mapping[str, Any]) -> BadBundle:
    """The refusal for a rule that errs, by the ids that people gave their rules instead of Cedar's numbers."""
    ids = {number: str(rule["annotations"]["id"]) for number, rule in parsed["staticPolicies"].items()}
    numbers = [number for number in _NUMBER.findall(str(error)) if number in ids]
    told = _NUMBER.sub(lambda match: f"`{ids.get(match[1], match[1])}`", str(error))
    return BadBundle(f"a rule errs: {told}", Fault.RULE_ERRS, ids[numbers[0]] if numbers else "")


def _fired(rules: Rules, question: AccessQuestion, without: str = "") -> frozenset[str]:
    """Ids of the rules that determine the answer to a probe; any error refuses the bundle."""
    items = [(field, form) for code, form, _ in question.items if (field := question.resource.field(code))]
    try:
        entities = parse_entities(rules, question, [field for field, _ in items], without)
        (result,) = evaluate(rules, question, items, entities)
    except ValueError as error:
        raise BadBundle(f"its schema does not fit the exchange's facts: {error}", Fault.DOES_NOT_VALIDATE) from error
    if result.diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
        raise _RuleErrs("; ".join(result.diagnostics.errors) or "no decision")
    if without and result.decision is cedarpy.Decision.Allow:
        raise BadBundle(f"permits while the entity {without} is missing", Fault.GUARDRAIL_HOLLOW)
    return frozenset(result.diagnostics.id_annotations_by_reason.values())
