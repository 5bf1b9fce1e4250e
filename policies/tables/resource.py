"""Reads the description of a resource out of a file beside a decision table (format `oncegate.resource/1`).

The same words as in a node's `resources.toml`, without what only a node needs (sources and columns).
"""

from typing import Final

from policies.agreements.locate import key_lines
from policies.resources import MAX_FIELDS, BadResource, FieldDescription, ResourceDescription, check_resource
from policies.tables.reader import Reader
from policies.vocabulary import Classification, DataType, Form, Mask, SharingType

FORMAT: Final = "oncegate.resource/1"
_KEYS: Final = frozenset(
    {"format", "code", "name", "abstract", "classification", "sharing_type", "update_cycle", "schemes", "fields"}
)
_OPTIONAL: Final = frozenset({"sharing_terms", "unlisted", "provider", "duty", "purpose"})


def read_resource(text: str, content: dict[str, object]) -> ResourceDescription:
    """The description in a file.

    Args:
        text: The file, for the lines of keys.
        content: What TOML made of it.

    Returns:
        The description, checked like one that is published.

    Raises:
        BadTable: Something in it is not right.
    """
    root = Reader(content, key_lines(text))
    root.only(_KEYS, _OPTIONAL)
    if content["format"] != FORMAT:
        raise root.bad("format", f"must be {FORMAT}")
    name, abstract = root.inner("name"), root.inner("abstract")
    name.only({"zh", "en"})
    abstract.only({"zh", "en"})
    code = root.text("code")
    schemes = content["schemes"]
    if not isinstance(schemes, list) or not all(isinstance(one, str) for one in schemes):
        raise root.bad("schemes", "must be a list of texts")
    described = ResourceDescription(
        code=code,
        name_zh=name.text("zh"),
        name_en=name.text("en"),
        provider=root.text("provider") if "provider" in content else code.partition(".")[0],
        abstract_zh=abstract.text("zh"),
        abstract_en=abstract.text("en"),
        classification=root.word("classification", Classification),
        sharing_type=root.word("sharing_type", SharingType),
        sharing_terms=root.text("sharing_terms") if "sharing_terms" in content else "",
        update_cycle=root.text("update_cycle"),
        subject_schemes=tuple(schemes),
        unlisted=root.flag("unlisted") if "unlisted" in content else False,
        fields=tuple(_field(one) for one in root.each("fields", MAX_FIELDS)),
        duty=root.text("duty") if "duty" in content else "",
        purpose=root.text("purpose") if "purpose" in content else "",
    )
    try:
        check_resource(described)
    except BadResource as error:
        raise root.bad(error.path, error.rule) from None
    return described


def _field(reader: Reader) -> FieldDescription:
    reader.only({"code", "name", "type", "classification", "forms"}, {"mask"})
    name = reader.inner("name")
    name.only({"zh", "en"})
    return FieldDescription(
        code=reader.text("code"),
        name_zh=name.text("zh"),
        name_en=name.text("en"),
        data_type=reader.word("type", DataType),
        classification=reader.word("classification", Classification),
        forms=reader.words("forms", Form),
        mask=reader.word("mask", Mask) if "mask" in reader.table else None,
    )
