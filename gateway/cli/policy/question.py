"""Reads the question of `oncegate policy explain`: from options or a JSON file, for the door and for the home alike.

An item is written `RESOURCE:FIELD=FORM`, as for the SDK: a predicate as `predicate(NAME)`, more revealing forms that
would be taken instead behind `|`, and `?` at the end when the request could do without.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import typer

from gateway.cli.output import EXIT_USAGE, fail
from oncegate.v1 import policy_pb2, signed_pb2

KEYS: Final = frozenset(
    {
        "consumer",
        "system",
        "items",
        "purpose",
        "legal_basis",
        "scheme",
        "case_present",
        "official_present",
        "consent_present",
        "emergency",
        "service",
    }
)
_ITEM: Final = re.compile(r"([^:=]+):([^:=]+)=([^?]+)(\??)")
_PREDICATE: Final = re.compile(r"predicate\((\w+)\)")


def read_question(path: Path) -> dict[str, Any]:
    """The question in a file.

    Args:
        path: A JSON object with some of `KEYS`.

    Raises:
        typer.Exit: It is something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        fail(f"{path}: is not JSON", EXIT_USAGE)
    if not isinstance(content, dict) or not content.keys() <= KEYS:
        fail(f"{path}: must be an object with {', '.join(sorted(KEYS))}", EXIT_USAGE)
    return content


def request_of(asked: dict[str, Any]) -> policy_pb2.ExplainDecisionRequest:
    """The question as the door takes it; an unknown word becomes "unspecified", which the gateway refuses by name.

    Args:
        asked: By the names of `KEYS`.

    Raises:
        typer.BadParameter: An item or a type is written otherwise.
    """
    try:
        request = policy_pb2.ExplainDecisionRequest(
            consumer=asked["consumer"],
            system=asked["system"],
            purpose=asked["purpose"],
            legal_basis=_number(signed_pb2.LegalBasis, f"LEGAL_BASIS_{asked['legal_basis']}"),
            subject_scheme=asked["scheme"],
            case_present=asked["case_present"],
            official_present=asked["official_present"],
            consent_present=asked["consent_present"],
            emergency=asked["emergency"],
            service=asked["service"],
        )
    except TypeError as error:
        raise typer.BadParameter(str(error), param_hint="--question") from None
    for text in asked["items"]:
        match = _ITEM.fullmatch(str(text))
        if match is None:
            raise typer.BadParameter("must be RESOURCE:FIELD=FORM", param_hint="--item")
        form, *accepted = match[3].split("|")
        predicate = _PREDICATE.fullmatch(form)
        request.items.add(
            resource=match[1],
            field=match[2],
            form=_number(signed_pb2.Form, "FORM_predicate" if predicate else f"FORM_{form}"),
            optional=bool(match[4]),
            predicate=predicate[1] if predicate else "",
            accepted=[_number(signed_pb2.Form, f"FORM_{other}") for other in accepted],
        )
    return request


def _number(words: Any, name: str) -> Any:
    return dict(words.items()).get(name.upper(), 0)
