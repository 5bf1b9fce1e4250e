"""What a provider shares: the description of a resource and its fields, and the rules a description must keep.

Rules kept here: a description that breaks a rule is refused as a whole (`BadResource` names the path and the rule);
a resource is at least as sensitive as its most sensitive field; a condition, a law, or a duty and a purpose is stated,
as the sharing type asks; a form is offered only where it means something for the data type.

What it does not do: it does not know departments or nodes, nor which resources are published; see the catalogue.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from policies.identifiers import known_schemes
from policies.vocabulary import RECORD_FIELD, Classification, DataType, Form, Mask, Mode, SharingType

DEPARTMENT_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
RESOURCE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")
FIELD_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_RESOURCE_CODE: Final = 128
MAX_FIELDS: Final = 256
MAX_TEXT: Final = 2000
MAX_NAME: Final = 200
MAX_PATH: Final = 8
"""Most steps of a classification path."""
MAX_RELATED: Final = 32

# ISO 8601 durations without fractions; a year counts 366 days and a month 31, so that "stale" is never said too early.
_DURATION: Final = re.compile(
    r"P(?!$)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,4})D)?"
    r"(?:T(?!$)(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,6})S)?)?"
)
_UNIT_MS: Final = (
    366 * 86_400_000,
    31 * 86_400_000,
    7 * 86_400_000,
    86_400_000,
    3_600_000,
    60_000,
    1_000,
)


class BadResource(ValueError):
    """A resource description breaks a rule.

    Args:
        path: Where, for example `fields[2].mask`.
        rule: The rule that is broken; never the value that broke it.
    """

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(f"{path}: {rule}")
        self.path = path
        self.rule = rule


class LocalText(NamedTuple):
    """A text in the two public languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class FieldDescription:
    """One data item of a resource: its code, names, type, classification, the forms it may take and its mask.

    `authority` names what makes this source the one to believe for the item, such as a law or a register; may be empty.
    """

    code: str
    name_zh: str
    name_en: str
    data_type: DataType
    classification: Classification
    forms: frozenset[Form]
    mask: Mask | None = None
    authority: str = ""


@dataclass(frozen=True)
class ResourceDescription:
    """A kind of record that one provider shares.

    `sharing_terms` is the condition (conditional) or the law (not_shared), empty when unconditional; `duty` and
    `purpose` say for which duty of the asking department and what for it is shared, needed when unconditional;
    `update_cycle` is an ISO 8601 duration; `unlisted` means that the index holds no pointers because membership
    itself is sensitive; `classification_path` is the place in the catalogue's subjects, from wide to narrow; `modes`
    are the ways in which it is offered; `related` are the codes of resources that go with it, of any department.
    """

    code: str
    name_zh: str
    name_en: str
    provider: str
    abstract_zh: str
    abstract_en: str
    classification: Classification
    sharing_type: SharingType
    sharing_terms: str
    update_cycle: str
    subject_schemes: tuple[str, ...]
    unlisted: bool
    fields: tuple[FieldDescription, ...]
    classification_path: tuple[LocalText, ...] = ()
    duty: str = ""
    purpose: str = ""
    modes: frozenset[Mode] = frozenset({Mode.QUERY})
    related: tuple[str, ...] = ()

    def field(self, code: str) -> FieldDescription | None:
        """The field with this code, or None; the record itself answers to `record`, in the form `exists` only."""
        return self._by_code.get(code)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the whole description: equal descriptions, and only those, have equal fingerprints."""
        plain = asdict(self)
        plain["modes"] = sorted(plain["modes"])
        plain["classification_path"] = [tuple(step) for step in plain["classification_path"]]
        for item in plain["fields"]:
            item["forms"] = sorted(item["forms"])
        return hashlib.sha256(repr(sorted(plain.items())).encode()).hexdigest()

    @cached_property
    def _by_code(self) -> dict[str, FieldDescription]:
        record = FieldDescription(
            code=RECORD_FIELD,
            name_zh="记录",
            name_en="record",
            data_type=DataType.BOOLEAN,
            classification=self.classification,
            forms=frozenset({Form.EXISTS}),
        )
        return {RECORD_FIELD: record} | {item.code: item for item in self.fields}


def check_resource(resource: ResourceDescription) -> None:
    """Check every rule of a description; fails closed: what is not understood is refused.

    Args:
        resource: The description.

    Raises:
        BadResource: With the path and the first rule that is broken.
    """
    if len(resource.code) > MAX_RESOURCE_CODE or not RESOURCE_PATTERN.fullmatch(resource.code):
        raise BadResource("code", "must be dotted lower-case words such as civil.resident, at most 128 characters")
    if not DEPARTMENT_PATTERN.fullmatch(resource.provider):
        raise BadResource("provider", "must be a department id: [a-z][a-z0-9-]{0,62}")
    for path, text, limit in (
        ("name.zh", resource.name_zh, MAX_NAME),
        ("name.en", resource.name_en, MAX_NAME),
        ("abstract.zh", resource.abstract_zh, MAX_TEXT),
        ("abstract.en", resource.abstract_en, MAX_TEXT),
    ):
        _check_text(path, text, limit)
    _check_sharing(resource)
    _check_place(resource)
    if not resource.modes:
        raise BadResource("modes", "must name at least one mode")
    update_cycle_ms(resource.update_cycle)
    _check_schemes(resource.subject_schemes)
    _check_fields(resource)


@lru_cache(maxsize=1024)
def update_cycle_ms(text: str) -> int:
    """The length of an ISO 8601 duration in milliseconds (a year counts 366 days, a month 31).

    Args:
        text: For example `P1D`, `PT6H`, `P1M`.

    Returns:
        Milliseconds, more than 0.

    Raises:
        BadResource: If it is not such a duration or is zero.
    """
    match = _DURATION.fullmatch(text) if text.isascii() else None
    total = sum(int(n or 0) * unit for n, unit in zip(match.groups(), _UNIT_MS, strict=True)) if match else 0
    if total <= 0:
        raise BadResource("update_cycle", "must be an ISO 8601 duration longer than zero, such as P1D")
    return total


def _check_text(path: str, text: str, limit: int) -> None:
    if not text.strip():
        raise BadResource(path, "must not be empty")
    _check_optional(path, text, limit)


def _check_optional(path: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise BadResource(path, f"must be at most {limit} characters")
    # What a department wrote is printed on other people's terminals.
    if not text.isprintable():
        raise BadResource(path, "must be a text without control characters")


def _check_sharing(resource: ResourceDescription) -> None:
    terms = resource.sharing_terms.strip()
    _check_optional("sharing_terms", resource.sharing_terms, MAX_TEXT)
    if resource.sharing_type is SharingType.CONDITIONAL and not terms:
        raise BadResource("sharing_terms", "conditional sharing must state its condition")
    if resource.sharing_type is SharingType.NOT_SHARED and not terms:
        raise BadResource("sharing_terms", "a resource that is not shared must cite the law")
    if resource.sharing_type is SharingType.UNCONDITIONAL and terms:
        raise BadResource("sharing_terms", "unconditional sharing has no condition")
    for path, text in (("duty", resource.duty), ("purpose", resource.purpose)):
        _check_optional(path, text, MAX_TEXT)
        if resource.sharing_type is SharingType.UNCONDITIONAL and not text.strip():
            raise BadResource(path, f"unconditional sharing must state a {path}")


def _check_place(resource: ResourceDescription) -> None:
    if len(resource.classification_path) > MAX_PATH:
        raise BadResource("classification_path", f"must have at most {MAX_PATH} steps")
    for number, step in enumerate(resource.classification_path):
        _check_text(f"classification_path[{number}].zh", step.zh, MAX_NAME)
        _check_text(f"classification_path[{number}].en", step.en, MAX_NAME)
    if len(resource.related) > MAX_RELATED:
        raise BadResource("related", f"must name at most {MAX_RELATED} resources")
    for number, code in enumerate(resource.related):
        path = f"related[{number}]"
        if len(code) > MAX_RESOURCE_CODE or not RESOURCE_PATTERN.fullmatch(code):
            raise BadResource(path, "must be a resource code")
        if code == resource.code:
            raise BadResource(path, "must be another resource")
        if code in resource.related[:number]:
            raise BadResource(path, "must not repeat a resource")


def _check_schemes(schemes: tuple[str, ...]) -> None:
    if not schemes:
        raise BadResource("subject_schemes", "must name at least one scheme")
    if len(set(schemes)) != len(schemes):
        raise BadResource("subject_schemes", "must not repeat a scheme")
    for number, scheme in enumerate(schemes):
        if scheme not in known_schemes():
            raise BadResource(f"subject_schemes[{number}]", "is not a known scheme")


def _check_fields(resource: ResourceDescription) -> None:
    if not 1 <= len(resource.fields) <= MAX_FIELDS:
        raise BadResource("fields", f"must have 1 to {MAX_FIELDS} fields")
    seen: set[str] = set()
    for number, field in enumerate(resource.fields):
        path = f"fields[{number}]"
        if field.code in seen:
            raise BadResource(f"{path}.code", "must not repeat a field")
        seen.add(field.code)
        _check_field(path, field)
        if field.classification.rank > resource.classification.rank:
            raise BadResource("classification", "must be at least the highest of the fields")


def _check_field(path: str, field: FieldDescription) -> None:
    if not FIELD_PATTERN.fullmatch(field.code):
        raise BadResource(f"{path}.code", "must match [a-z][a-z0-9_]{0,63}")
    if field.code == RECORD_FIELD:
        raise BadResource(f"{path}.code", "'record' is the record itself and is not listed")
    _check_text(f"{path}.name.zh", field.name_zh, MAX_NAME)
    _check_text(f"{path}.name.en", field.name_en, MAX_NAME)
    if not field.forms:
        raise BadResource(f"{path}.forms", "must name at least one form")
    for form, applies, rule in _FORM_RULES:
        if form in field.forms and not applies(field):
            raise BadResource(f"{path}.forms", rule)
    _check_optional(f"{path}.authority", field.authority, MAX_NAME)
    # A mask also says how two values are compared (policies.folding).
    if field.mask is not None and not field.forms & {Form.MASKED, Form.PREDICATE}:
        raise BadResource(f"{path}.mask", "is only for a field with the form masked or predicate")


_FORM_RULES: Final[tuple[tuple[Form, Callable[[FieldDescription], bool], str], ...]] = (
    (Form.YEAR, lambda field: field.data_type is DataType.DATE, "the form year is only for dates"),
    (Form.MASKED, lambda field: field.data_type is DataType.STRING, "the form masked is only for strings"),
    (Form.MASKED, lambda field: field.mask is not None, "the form masked needs a mask"),
)
