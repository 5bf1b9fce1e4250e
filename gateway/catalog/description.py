"""Keeps a resource's description as JSON text and reads it back.

Rules kept here: what is read back is checked like what is published; text that does not read back exactly is refused.
It does not know versions, nodes or the database.
"""

import json
from dataclasses import asdict
from typing import Any

from policies.resources import BadResource, FieldDescription, LocalText, ResourceDescription, check_resource
from policies.vocabulary import Classification, DataType, Form, Mask, Mode, SharingType


def to_text(resource: ResourceDescription) -> str:
    """A description as JSON, keys sorted; equal descriptions give equal text."""
    plain = asdict(resource)
    plain["modes"] = sorted(plain["modes"])
    for field in plain["fields"]:
        field["forms"] = sorted(field["forms"])
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_text(text: str) -> ResourceDescription:
    """Read a description back.

    Args:
        text: What `to_text` wrote.

    Raises:
        BadResource: It is not such a text, or breaks a rule of `policies.resources`. Fails closed.
    """
    try:
        resource = _resource(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadResource("", "the stored description cannot be read") from error
    check_resource(resource)
    return resource


def _resource(plain: dict[str, Any]) -> ResourceDescription:
    return ResourceDescription(
        **plain
        | {
            "classification": Classification(plain["classification"]),
            "sharing_type": SharingType(plain["sharing_type"]),
            "subject_schemes": tuple(plain["subject_schemes"]),
            "classification_path": tuple(LocalText(zh, en) for zh, en in plain["classification_path"]),
            "modes": frozenset(Mode(mode) for mode in plain["modes"]),
            "related": tuple(plain["related"]),
            "fields": tuple(_field(field) for field in plain["fields"]),
        }
    )


def _field(plain: dict[str, Any]) -> FieldDescription:
    return FieldDescription(
        **plain
        | {
            "data_type": DataType(plain["data_type"]),
            "classification": Classification(plain["classification"]),
            "forms": frozenset(Form(form) for form in plain["forms"]),
            "mask": None if plain["mask"] is None else Mask(plain["mask"]),
        }
    )
