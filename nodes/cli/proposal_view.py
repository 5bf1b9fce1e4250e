"""How a proposal is shown to a steward: the text in words, what it changes, and what was said."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from nodes.agreements.chain import VerifiedProposal
from nodes.agreements.client import Summary
from nodes.agreements.words import ACTS, EFFECTS, KEYS, STATUS, WORDS
from nodes.cli.language import Language, pick
from nodes.cli.output import moment, plain, say, table
from nodes.errors import PublicText
from policies.agreements import Agreement
from policies.agreements.compare import Change, compare, spelled
from policies.agreements.workflow import Act, Status
from policies.predicates import Predicate

_NOT_SAID: Final = frozenset({"digest", "raw"})
"""Attributes that are the text itself, not what it says."""


def text_facts(agreement: Agreement) -> dict[str, Any]:
    """What an agreement says, by key: everything, also under keys that have no word of their own here."""
    facts: dict[str, Any] = {}
    for each in fields(Agreement):
        name, value = each.name, getattr(agreement, each.name)
        if name in _NOT_SAID:
            continue
        if name.endswith("_ms"):
            facts[name.removesuffix("_ms")] = moment(value)
        elif is_dataclass(value):
            facts[name] = {inner.name: _plain_value(getattr(value, inner.name)) for inner in fields(value)}
        elif isinstance(value, Mapping):
            facts[name] = {key: _plain_value(inner) for key, inner in sorted(value.items())}
        else:
            facts[name] = _plain_value(value)
    return facts


def _plain_value(value: Any) -> Any:
    """Texts, numbers, flags and lists of texts, for people and programs."""
    if value is None or isinstance(value, bool | int) or type(value) is str:
        return value
    if isinstance(value, frozenset | set | tuple | list):
        return sorted(map(str, value))
    return f"{value.field}: {value}" if isinstance(value, Predicate) else spelled(value)


def comparison(proposal: VerifiedProposal) -> tuple[PublicText, tuple[Change, ...]] | None:
    """What to compare the text that is talked about with: what the consumer wants, else what is in force."""
    history = proposal.history
    if history.offered is not None and history.pending is not None:
        return WORDS["against_proposed"], compare(history.pending, history.offered)
    newer = history.offered or history.pending
    if newer is not None and history.in_force is not None:
        text = WORDS["against_in_force"]
        told = PublicText(
            text.zh.format(revision=history.in_force.revision), text.en.format(revision=history.in_force.revision)
        )
        return told, compare(history.in_force, newer)
    return None


def changes_json(changes: Sequence[Change]) -> list[dict[str, str]]:
    """Differences for programs."""
    return [
        {"key": change.key, "effect": str(change.effect), "before": change.before, "after": change.after}
        for change in changes
    ]


def steps_json(proposal: VerifiedProposal) -> list[dict[str, Any]]:
    """What was said, for programs."""
    return [
        {
            "number": step.number,
            "department": step.department,
            "act": step.act,
            "text": step.text.hex(),
            "law": step.law,
            "reason": step.reason,
            "time_unix_ms": step.time_ms,
            "received_unix_ms": received.received_ms,
            "digest": received.signed.digest.hex(),
        }
        for step, received in zip(proposal.steps, proposal.received, strict=True)
    ]


def show_text(agreement: Agreement, language: Language) -> None:
    """Print what an agreement says."""
    rows = []
    for key, value in text_facts(agreement).items():
        word = _key(key, language)
        if isinstance(value, Mapping):
            said = {name: inner for name, inner in value.items() if inner not in ("", None)}
            rows += [(word, f"{name}: {_said(inner, language)}") for name, inner in said.items()]
        elif value not in ("", None):
            rows.append((word, _said(value, language)))
    table(f"{agreement.id} r{agreement.revision}", (_word("key", language), ""), rows)
    say(f"{_word('digest', language)}: {agreement.digest.hex()}")


def show_changes(title: PublicText, changes: Sequence[Change], language: Language) -> None:
    """Print differences: what widens first."""
    if not changes:
        say(f"{pick(title, language)}: {_word('no_changes', language)}")
        return
    order = list(EFFECTS)
    rows = [
        (pick(EFFECTS[change.effect], language), _key(change.key, language), change.before, change.after)
        for change in sorted(changes, key=lambda change: order.index(change.effect))
    ]
    heads = tuple(_word(name, language) for name in ("effect", "key", "before", "after"))
    table(pick(title, language), heads, rows)


def show_steps(proposal: VerifiedProposal, language: Language) -> None:
    """Print what was said."""
    rows = [
        (
            str(step.number),
            moment(received.received_ms),
            step.department,
            pick(ACTS[Act(step.act)], language),
            step.law,
            plain(step.reason),
        )
        for step, received in zip(proposal.steps, proposal.received, strict=True)
    ]
    heads = tuple(_word(name, language) for name in ("number", "when", "who", "act", "law", "reason"))
    table(_word("said", language), heads, rows)
    say(_word("verified", language).format(steps=len(proposal.steps)))


def show_state(summary: Summary, proposal: VerifiedProposal, department: str, language: Language) -> None:
    """Print where a proposal is, and whose key has to be compared."""
    say(f"{_word('proposal', language)}: {summary.id}")
    say(f"{_word('status', language)}: {pick(STATUS[proposal.history.state.status], language)}")
    if summary.turn:
        late = "" if summary.late is None else _word("late", language).format(days=summary.late)
        say(f"{_word('waited_for', language)}: {summary.waited_for}")
        say(f"{_word('due', language)}: {moment(summary.due_ms)} {late}".rstrip())
    current = proposal.history.current
    provider = current.provider == department
    other, key = (current.consumer, current.consumer_key) if provider else (current.provider, current.provider_key)
    say(f"{_word('other_key', language).format(department=other)}: {key}")


def status_word(status: str, language: Language) -> str:
    """A status as the gateway says it, in words."""
    if status in set(Status):
        return pick(STATUS[Status(status)], language)
    return _word(status, language) if status in WORDS else status


def _said(value: Any, language: Language) -> str:
    if isinstance(value, bool):
        return _word("yes" if value else "no", language)
    return ", ".join(value) if isinstance(value, list) else str(value)


def _key(key: str, language: Language) -> str:
    name, dot, field = key.partition(".")
    return (pick(KEYS[name], language) if name in KEYS else name) + dot + field


def _word(code: str, language: Language) -> str:
    return pick(WORDS[code], language)
