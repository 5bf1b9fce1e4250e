"""Reads an agreement file (format `oncegate.agreement/1`, described in docs/policies.md).

Rules kept here: fails closed. Unknown keys, missing keys, wrong types and values under the floors (empty purposes, no
systems, no end, unlimited uses) are refused; an error names the line, the key and the rule, never the value.

What it does not do: it does not check that departments, resources or fields exist; only that they are well formed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from policies.agreements.agreement import MAX_TERM_MS, Agreement
from policies.agreements.consent_terms import ConsentTerms, read_terms
from policies.agreements.emergency import KEY as EMERGENCY
from policies.agreements.emergency import read_emergency
from policies.agreements.limits import KEYS as LIMITS
from policies.agreements.limits import read_limits
from policies.agreements.locate import key_lines
from policies.agreements.obligations import KEYS as OBLIGATIONS
from policies.agreements.obligations import read_obligations
from policies.agreements.predicates import read_predicates
from policies.agreements.toml_text import BadToml, read_toml
from policies.plain import is_plain
from policies.resources import DEPARTMENT_PATTERN, FIELD_PATTERN, MAX_RESOURCE_CODE, RESOURCE_PATTERN
from policies.service_reference import SERVICE_PATTERN
from policies.toml_reader import BadFile, TableReader
from policies.vocabulary import PURPOSE_PATTERN, RECORD_FIELD, Form, LegalBasis, SharingType

FORMAT: Final = "oncegate.agreement/1"
MAX_ITEMS: Final = 256
MAX_LIST: Final = 256
MAX_REVISION: Final = 2**31 - 1
MAX_CONDITION: Final = 2000
_LATEST_MS: Final = 253_370_764_800_000
"""Beginning of the year 9999: what is later has no date in every offset."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SYSTEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_FINGERPRINT: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REQUIRED: Final = frozenset(
    {
        "format",
        "id",
        "revision",
        "provider",
        "provider_key",
        "consumer",
        "consumer_key",
        "systems",
        "resource",
        "legal_basis",
        "purposes",
        "valid_from",
        "valid_until",
        "case_required",
        "uses_per_day",
        "items",
    }
)
_OPTIONAL: Final = (
    frozenset({"sharing_type", "condition", "official_required", "predicates", "consent", "services", EMERGENCY})
    | OBLIGATIONS
    | LIMITS
)


class BadAgreement(BadFile):
    """An agreement file is refused."""


def parse_agreement(raw: bytes) -> Agreement:
    """Read one agreement.

    Args:
        raw: The exact bytes of the file, UTF-8 TOML, at most 64 KiB.

    Returns:
        The agreement; its digest is over `raw`.

    Raises:
        BadAgreement: With line, key and rule of the first thing that is not right.
    """
    try:
        table, text = read_toml(raw)
    except BadToml as error:
        raise BadAgreement(error.line, "", error.rule) from None
    return _Reader(table, key_lines(text)).agreement(raw)


@dataclass(frozen=True, slots=True)
class _Reader(TableReader):
    """Reads one table of the file."""

    error = BadAgreement

    def agreement(self, raw: bytes) -> Agreement:
        self.only(_REQUIRED, _OPTIONAL)
        if self.table["format"] != FORMAT:
            raise self.bad("format", f"must be {FORMAT}")
        valid_from, valid_until = self.moment("valid_from"), self.moment("valid_until")
        if valid_until <= valid_from:
            raise self.bad("valid_until", "must be after valid_from")
        if valid_until - valid_from > MAX_TERM_MS:
            raise self.bad("valid_until", "must be at most three years after valid_from")
        sharing_type = self.word("sharing_type", SharingType) if "sharing_type" in self.table else None
        items = self.items()
        basis = self.word("legal_basis", LegalBasis)
        official = self.flag("official_required") if "official_required" in self.table else None
        purposes = self.listed("purposes", "purpose codes", lambda code: bool(PURPOSE_PATTERN.fullmatch(code)))
        emergency = read_emergency(
            self.table.get(EMERGENCY), basis=basis, purposes=purposes, official_stated=official, refuse=self.bad
        )
        limits = read_limits(self)
        if emergency is not None:
            # Both numbers of uses hold, so the smaller one counts.
            limits = limits.at_most(emergency.uses_per_day)
        return Agreement(
            id=self.match("id", _ID),
            revision=self.number("revision", MAX_REVISION),
            provider=self.match("provider", DEPARTMENT_PATTERN),
            provider_key=self.match("provider_key", _FINGERPRINT),
            consumer=self.match("consumer", DEPARTMENT_PATTERN),
            consumer_key=self.match("consumer_key", _FINGERPRINT),
            systems=self.listed("systems", "system names", lambda name: bool(_SYSTEM.fullmatch(name))),
            resource=self.resource(),
            sharing_type=sharing_type,
            condition=self.condition(sharing_type),
            legal_basis=basis,
            purposes=purposes,
            valid_from_ms=valid_from,
            valid_until_ms=valid_until,
            case_required=self.flag("case_required"),
            # Nobody declares an emergency without a name.
            official_required=bool(official) or emergency is not None,
            items=items,
            **limits._asdict(),
            **read_obligations(self)._asdict(),
            digest=hashlib.sha256(raw).digest(),
            raw=raw,
            predicates=read_predicates(self.table.get("predicates", []), items, self.bad),
            consent=self.consent(),
            emergency=emergency,
            services=self.services(),
        )

    def services(self) -> frozenset[str]:
        if "services" not in self.table:
            return frozenset()
        return self.listed("services", "codes of service items", lambda code: bool(SERVICE_PATTERN.fullmatch(code)))

    def consent(self) -> ConsentTerms | None:
        basis = self.word("legal_basis", LegalBasis)
        if basis is LegalBasis.CONSENT and "consent" not in self.table:
            raise self.bad("consent", "is missing: without a notice and bounds nobody can consent")
        if "consent" not in self.table:
            return None
        if basis is not LegalBasis.CONSENT:
            raise self.bad("consent", "is for agreements on the basis of consent only")
        return read_terms(self.inner("consent"))

    def resource(self) -> str:
        code = self.match("resource", RESOURCE_PATTERN)
        if len(code) > MAX_RESOURCE_CODE:
            raise self.bad("resource", f"must be at most {MAX_RESOURCE_CODE} characters")
        return code

    def moment(self, key: str) -> int:
        value = self.table[key]
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.bad(key, "must be a date and time with an offset, such as 2025-01-01T00:00:00+08:00")
        moment_ms = int(value.timestamp()) * 1000 + value.microsecond // 1000
        if not 0 <= moment_ms < _LATEST_MS:
            raise self.bad(key, "must lie in the years 1970 to 9998")
        return moment_ms

    def condition(self, sharing_type: SharingType | None) -> str:
        value = self.table.get("condition", "")
        if not isinstance(value, str) or len(value) > MAX_CONDITION:
            raise self.bad("condition", f"must be a text of at most {MAX_CONDITION} characters")
        if not is_plain(value.replace("\n", "")):
            raise self.bad("condition", "must hold only printable characters and line ends")
        if sharing_type is SharingType.CONDITIONAL and not value.strip():
            raise self.bad("condition", "conditional sharing must state its condition")
        if sharing_type is SharingType.NOT_SHARED:
            raise self.bad("sharing_type", "what is not shared has no agreement")
        return value

    def listed(self, key: str, what: str, accepted: Callable[[str], bool]) -> frozenset[str]:
        value = self.table[key]
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_LIST:
            raise self.bad(key, f"must list 1 to {MAX_LIST} {what}")
        if not all(isinstance(entry, str) and accepted(entry) for entry in value):
            raise self.bad(key, f"must list only {what}")
        if len(set(value)) != len(value):
            raise self.bad(key, "must not repeat an entry")
        return frozenset(value)

    def items(self) -> Mapping[str, frozenset[Form]]:
        items: dict[str, frozenset[Form]] = {}
        for reader in self.each("items", MAX_ITEMS):
            field, forms = reader.item()
            if field in items:
                raise reader.bad("field", "must not repeat a field")
            items[field] = forms
        return MappingProxyType(items)

    def item(self) -> tuple[str, frozenset[Form]]:
        self.only({"field", "forms"})
        field = self.match("field", FIELD_PATTERN)
        words = frozenset(Form)
        forms = frozenset(Form(form) for form in self.listed("forms", "forms", lambda word: word in words))
        if field == RECORD_FIELD and forms != {Form.EXISTS}:
            raise self.bad("forms", "the record itself has only the form exists")
        return field, forms
