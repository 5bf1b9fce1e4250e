"""A resource, an agreement and a question that is permitted, to be changed in one place at a time."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

from policies.agreements import Agreement, parse_agreement
from policies.engine import AccessQuestion
from policies.engine.bundle import PACKAGED
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, LegalBasis, Mask, Necessity, SharingType

NOW_MS = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp()) * 1000

AGREEMENT_TEXT = f"""\
format = "oncegate.agreement/1"
id = "civil-education-2025"
revision = 3
provider = "civil"
provider_key = "sha256:{"a" * 64}"
consumer = "education"
consumer_key = "sha256:{"b" * 64}"
systems = ["enrolment", "archive"]
resource = "civil.resident"
legal_basis = "explicit_request"
purposes = ["school_enrolment", "newborn_registration"]
valid_from = 2025-01-01T00:00:00+08:00
valid_until = 2026-01-01T00:00:00+08:00
case_required = true
uses_per_day = 1000

[[items]]
field = "name"
forms = ["value", "masked"]

[[items]]
field = "birth_date"
forms = ["year"]

[[items]]
field = "record"
forms = ["exists"]
"""


def agreement(text: str = AGREEMENT_TEXT, **changes: Any) -> Agreement:
    """The agreement of a text, with some of its parts exchanged."""
    return replace(parse_agreement(text.encode()), **changes)


def field(code: str, /, **changes: Any) -> FieldDescription:
    """A confidential string that may be had in every form a string has."""
    described = FieldDescription(
        code=code,
        name_zh="信息项",
        name_en="field",
        data_type=DataType.STRING,
        classification=Classification.CONFIDENTIAL,
        forms=frozenset({Form.EXISTS, Form.PREDICATE, Form.MASKED, Form.VALUE}),
        mask=Mask.TEXT,
    )
    return replace(described, **changes)


def resource(**changes: Any) -> ResourceDescription:
    """Residents: name, birth date and health, of which only the first two are in the agreement."""
    described = ResourceDescription(
        code="civil.resident",
        name_zh="人口基本信息",
        name_en="residents",
        provider="civil",
        abstract_zh="常住人口基本信息",
        abstract_en="basic data about residents",
        classification=Classification.SENSITIVE,
        sharing_type=SharingType.CONDITIONAL,
        sharing_terms="仅限政务服务",
        update_cycle="P1D",
        subject_schemes=("cn.resident-id",),
        unlisted=False,
        fields=(
            field("name", mask=Mask.NAME),
            field("birth_date", data_type=DataType.DATE, forms=frozenset({Form.YEAR, Form.VALUE}), mask=None),
            field("health", classification=Classification.SENSITIVE),
        ),
    )
    return replace(described, **changes)


def item(code: str, form: Form = Form.VALUE, necessity: Necessity = Necessity.REQUIRED) -> tuple[str, Form, Necessity]:
    """One item of a question."""
    return (code, form, necessity)


def question(*items: tuple[str, Form, Necessity], **changes: Any) -> AccessQuestion:
    """A question that is permitted unless something in it is changed."""
    asked = AccessQuestion(
        consumer="education",
        system="enrolment",
        resource=resource(),
        items=items or (item("name"),),
        purpose="school_enrolment",
        basis=LegalBasis.EXPLICIT_REQUEST,
        case_present=True,
        agreement=agreement(),
        subject_scheme="cn.resident-id",
        now_ms=NOW_MS,
    )
    return replace(asked, **changes)


def bundle_copy(directory: Path, **edits: tuple[str, str]) -> Path:
    """A copy of the packaged bundle.

    Args:
        directory: Where to put it.
        edits: By file stem, what to replace and by what; an empty text to replace appends.

    Returns:
        The copy's directory.
    """
    copy = Path(copytree(PACKAGED, directory / "bundle"))
    for stem, (old, new) in edits.items():
        path = next(copy.glob(f"{stem}.*"))
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise AssertionError(f"{stem} has no such text")
        path.write_text(text.replace(old, new) if old else f"{text}\n{new}\n", encoding="utf-8")
    return copy
