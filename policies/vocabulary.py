"""The closed word lists of the exchange: forms, legal bases, classifications, sharing types, modes, data types, masks.

Rules kept here: every list is closed, so a word that is not in it cannot be constructed (`ValueError`), which its
readers turn into a refusal. The values are the codes used in files, in the rules and in documents.

What it does not do: purposes are registered data, not a closed list of code: see `policies.purposes`.
"""

import re
from enum import StrEnum
from typing import Final

RECORD_FIELD: Final = "record"
"""The field that every resource has without listing it: the record itself, released only in the form `exists`."""
PURPOSE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What the code of a purpose looks like, registered or not."""


class Form(StrEnum):
    """The form in which one field is released, from least to most revealing."""

    EXISTS = "exists"
    PREDICATE = "predicate"
    YEAR = "year"
    MASKED = "masked"
    VALUE = "value"

    @property
    def rank(self) -> int:
        """How revealing the form is, 1 (`exists`) to 5 (`value`); not the number on the wire.

        A higher rank stands in for a lower one only where the request says so, and only when it is listed itself.
        """
        return _FORM_RANK[self]


class LegalBasis(StrEnum):
    """The legal ground of a release: exactly one per request."""

    MANDATE = "mandate"
    EXPLICIT_REQUEST = "explicit_request"
    CONSENT = "consent"


class Classification(StrEnum):
    """How sensitive a field or resource is, in increasing order."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    SENSITIVE = "sensitive"

    @property
    def rank(self) -> int:
        """How sensitive, 1 (`public`) to 4 (`sensitive`); equal to the number on the wire."""
        return _CLASSIFICATION_RANK[self]


class SharingType(StrEnum):
    """On what terms a resource is shared."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not_shared"


class Necessity(StrEnum):
    """What happens to a request when an item cannot be had."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Mode(StrEnum):
    """How a provider offers a resource; what this version serves is the query, one subject at a time."""

    QUERY = "query"
    BULK = "bulk"
    SUBSCRIPTION = "subscription"


class DataType(StrEnum):
    """The type of a field's value."""

    STRING = "string"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"


class Mask(StrEnum):
    """Which part of a text the form `masked` hides."""

    IDENTIFIER = "identifier"
    NAME = "name"
    PHONE = "phone"
    ADDRESS = "address"
    BANK_ACCOUNT = "bank_account"
    TEXT = "text"


class FieldMark(StrEnum):
    """What whoever gets a value has to know with it; a value with a mark is not released without it."""

    DISPUTED = "disputed"
    """The person says that it is wrong."""


_FORM_RANK: Final = {form: rank for rank, form in enumerate(Form, start=1)}
_CLASSIFICATION_RANK: Final = {level: rank for rank, level in enumerate(Classification, start=1)}
