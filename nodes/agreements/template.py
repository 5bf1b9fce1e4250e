"""Writes a new agreement as TOML, ready to be proposed.

Rules kept here: what is written is parsed again before it is handed out, so a template never breaks a rule of the
format; limits begin small and the term at a year, because what is not needed is not asked for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nodes.enrolment.errors import BadInput
from policies.agreements import FORMAT, BadAgreement, parse_agreement


@dataclass(frozen=True, slots=True)
class Wish:
    """What a consumer wants.

    Args:
        id: Id of the agreement.
        revision: From 1.
        provider: Department id.
        provider_key: Fingerprint of the provider's department key, learned from that department.
        consumer: Department id.
        consumer_key: Fingerprint of the own department key.
        systems: Names of the systems.
        resource: Resource code.
        legal_basis: mandate, explicit_request or consent.
        purposes: Registered purposes.
        items: Forms by field.
        begin_ms: First moment, Unix ms.
        days: For how many days.
        uses_per_day: Limit.
        further: Further keys with their values.
        questions: What is asked about fields in the form `predicate`, each `NAME=FIELD:OPERATOR:VALUE,VALUE`; without
            values for `equals`.
    """

    id: str
    revision: int
    provider: str
    provider_key: str
    consumer: str
    consumer_key: str
    systems: Sequence[str]
    resource: str
    legal_basis: str
    purposes: Sequence[str]
    items: Mapping[str, Sequence[str]]
    begin_ms: int
    days: int
    uses_per_day: int
    further: Mapping[str, str | int | bool | list[str]]
    questions: Sequence[str] = ()


def write(wish: Wish) -> bytes:
    """The text of an agreement.

    Args:
        wish: What is wanted.

    Returns:
        TOML, UTF-8.

    Raises:
        BadInput: It breaks a rule of the format; key and rule are in the text.
    """
    begin = datetime.fromtimestamp(wish.begin_ms // 1000, UTC)
    pairs: list[tuple[str, str]] = [
        ("format", _value(FORMAT)),
        ("id", _value(wish.id)),
        ("revision", _value(wish.revision)),
        ("provider", _value(wish.provider)),
        ("provider_key", _value(wish.provider_key)),
        ("consumer", _value(wish.consumer)),
        ("consumer_key", _value(wish.consumer_key)),
        ("systems", _value(list(wish.systems))),
        ("resource", _value(wish.resource)),
        *((key, _value(value)) for key, value in wish.further.items()),
        ("legal_basis", _value(wish.legal_basis)),
        ("purposes", _value(list(wish.purposes))),
        ("valid_from", begin.isoformat()),
        ("valid_until", (begin + timedelta(days=wish.days)).isoformat()),
    ]
    if "case_required" not in wish.further:
        pairs.append(("case_required", "false"))
    pairs.append(("uses_per_day", _value(wish.uses_per_day)))
    text = "".join(f"{key} = {value}\n" for key, value in pairs)
    for field, forms in wish.items.items():
        text += f"\n[[items]]\nfield = {_value(field)}\nforms = {_value(list(forms))}\n"
    text += "".join(_question(question) for question in wish.questions)
    try:
        raw = text.encode()
        parse_agreement(raw)
    except UnicodeEncodeError:
        raise BadInput("agreement", "must be text") from None
    except BadAgreement as error:
        raise BadInput(error.key or "agreement", error.rule) from None
    return raw


def _question(question: str) -> str:
    """One table of predicates."""
    name, equals, rest = question.partition("=")
    field, colon, asked = rest.partition(":")
    operator, _, constants = asked.partition(":")
    if not equals or not colon:
        raise BadInput("predicate", "must be NAME=FIELD:OPERATOR:VALUE,VALUE")
    table = f"\n[[predicates]]\nname = {_value(name)}\nfield = {_value(field)}\noperator = {_value(operator)}\n"
    if operator == "in":
        return f"{table}values = {_value(constants.split(','))}\n"
    return f"{table}value = {_value(constants)}\n" if constants else table


def _value(value: object) -> str:
    """A TOML literal: JSON's spelling of texts, numbers, flags and lists of texts is TOML's too."""
    return json.dumps(value, ensure_ascii=False)
