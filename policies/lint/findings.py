"""What the linter can find: codes, severities and texts, as one table (docs/policies/lint.md lists it, tested)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Severity(StrEnum):
    """How bad a finding is. Only an error makes `oncegate policy lint` fail and a proposal be refused."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingCode(StrEnum):
    """Stable codes."""

    BUNDLE_UNREADABLE = "BUNDLE_UNREADABLE"
    BUNDLE_DOES_NOT_PARSE = "BUNDLE_DOES_NOT_PARSE"
    BUNDLE_EMPTY = "BUNDLE_EMPTY"
    UNKNOWN_WORD = "UNKNOWN_WORD"
    RULE_UNNAMED = "RULE_UNNAMED"
    RULE_ERRS = "RULE_ERRS"
    GUARDRAIL_MISSING = "GUARDRAIL_MISSING"
    GUARDRAIL_HOLLOW = "GUARDRAIL_HOLLOW"
    RULE_NEVER_MATCHES = "RULE_NEVER_MATCHES"
    RULE_SHADOWED = "RULE_SHADOWED"
    RULE_BROADER_THAN_SCOPE = "RULE_BROADER_THAN_SCOPE"
    SCOPE_MALFORMED = "SCOPE_MALFORMED"
    RULE_WITHOUT_SCOPE = "RULE_WITHOUT_SCOPE"
    RULE_WITHOUT_TITLE = "RULE_WITHOUT_TITLE"
    PERMIT_WITHOUT_AGREEMENT = "PERMIT_WITHOUT_AGREEMENT"
    UNKNOWN_NAME = "UNKNOWN_NAME"
    AGREEMENT_UNREADABLE = "AGREEMENT_UNREADABLE"
    AGREEMENT_ALTERED = "AGREEMENT_ALTERED"
    AGREEMENT_EXPIRED = "AGREEMENT_EXPIRED"
    AGREEMENT_PURPOSE = "AGREEMENT_PURPOSE"
    AGREEMENT_DEPARTMENT = "AGREEMENT_DEPARTMENT"
    AGREEMENT_KEY = "AGREEMENT_KEY"
    AGREEMENT_SYSTEM = "AGREEMENT_SYSTEM"
    AGREEMENT_RESOURCE = "AGREEMENT_RESOURCE"
    AGREEMENT_SHARING_TYPE = "AGREEMENT_SHARING_TYPE"
    AGREEMENT_FIELD = "AGREEMENT_FIELD"
    AGREEMENT_BROADER_THAN_CATALOGUE = "AGREEMENT_BROADER_THAN_CATALOGUE"
    AGREEMENT_SENSITIVE_TERM = "AGREEMENT_SENSITIVE_TERM"
    AGREEMENT_NO_ASSESSMENT = "AGREEMENT_NO_ASSESSMENT"
    AGREEMENT_PREDICATE = "AGREEMENT_PREDICATE"
    AGREEMENT_OVERLAP = "AGREEMENT_OVERLAP"
    AGREEMENT_CONTRADICTION = "AGREEMENT_CONTRADICTION"


@dataclass(frozen=True, slots=True)
class Kind:
    """Severity and texts of one code."""

    severity: Severity
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Args:
        code: What it is.
        file: File name, or `agreement ID rREVISION`.
        line: From 1; 0 where there is none to point at.
        subject: The rule or key concerned.
        detail: What shows it; the same in both languages (names, codes, conditions).
    """

    code: FindingCode
    file: str
    line: int
    subject: str
    detail: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return FINDINGS[self.code].severity

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def zh(self) -> str:
        """In Chinese."""
        return self._said(FINDINGS[self.code].zh, "：")

    @property
    def en(self) -> str:
        """In English."""
        return self._said(FINDINGS[self.code].en, ": ")

    def _said(self, text: str, colon: str) -> str:
        subject = f"{self.subject}{colon}" if self.subject else ""
        return f"{subject}{text}" + (f" [{self.detail}]" if self.detail else "")


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_C = FindingCode
FINDINGS: Final[Mapping[FindingCode, Kind]] = MappingProxyType(
    {
        _C.BUNDLE_UNREADABLE: Kind(_E, "规则包的文件无法读取", "The bundle's files cannot be read"),
        _C.BUNDLE_DOES_NOT_PARSE: Kind(_E, "规则不符合语法", "The rules do not parse"),
        _C.BUNDLE_EMPTY: Kind(_E, "没有任何允许规则", "No rule permits anything"),
        _C.UNKNOWN_WORD: Kind(_E, "使用了未登记的词或错误的类型", "An unknown word or a wrong type is used"),
        _C.RULE_UNNAMED: Kind(_E, "规则没有自己的 @id", "A rule has no @id of its own"),
        _C.RULE_ERRS: Kind(_E, "规则在缺少实体时会出错", "A rule errs when something is missing"),
        _C.GUARDRAIL_MISSING: Kind(_E, "缺少底线规则", "A guardrail is missing"),
        _C.GUARDRAIL_HOLLOW: Kind(_E, "底线规则名不副实", "A guardrail does not do what its name says"),
        _C.RULE_NEVER_MATCHES: Kind(_W, "试过的任何情形都不命中", "Matches nothing that was tried"),
        _C.RULE_SHADOWED: Kind(
            _W, "凡命中时另一条规则已有同样效果", "Another rule always does the same when this one matches"
        ),
        _C.RULE_BROADER_THAN_SCOPE: Kind(_E, "实际命中超出 @scope 声明的范围", "Matches outside of its stated @scope"),
        _C.SCOPE_MALFORMED: Kind(_E, "@scope 无法理解", "The @scope is not understood"),
        _C.RULE_WITHOUT_SCOPE: Kind(_N, "没有 @scope，无法核对范围", "Has no @scope, so its breadth is not checked"),
        _C.RULE_WITHOUT_TITLE: Kind(
            _N, "没有双语标题，解释时只能称其编号", "Has no title in both languages for explanations"
        ),
        _C.PERMIT_WITHOUT_AGREEMENT: Kind(_E, "没有有效协议也允许提供", "Permits without an agreement in force"),
        _C.UNKNOWN_NAME: Kind(_W, "规则提到的名称不存在", "Names something that does not exist"),
        _C.AGREEMENT_UNREADABLE: Kind(_E, "协议文件无法理解", "The agreement is not understood"),
        _C.AGREEMENT_ALTERED: Kind(_E, "库中协议与签名内容不符", "The stored agreement is not what was signed"),
        _C.AGREEMENT_EXPIRED: Kind(_W, "协议已到期，不会再被使用", "The agreement has expired and is never used"),
        _C.AGREEMENT_PURPOSE: Kind(
            _W,
            "有用途未登记、已停用或不得以该依据办理",
            "A purpose is not registered, is retired or may not rest on the legal basis",
        ),
        _C.AGREEMENT_DEPARTMENT: Kind(_E, "部门不存在或已退出", "A department is unknown or revoked"),
        _C.AGREEMENT_KEY: Kind(_E, "部门密钥不是登记的密钥", "A department's key is not the registered one"),
        _C.AGREEMENT_SYSTEM: Kind(_W, "使用方没有该业务系统", "The consumer has no such system"),
        _C.AGREEMENT_RESOURCE: Kind(
            _E, "目录中没有该资源或提供方不符", "The catalogue has no such resource of this provider"
        ),
        _C.AGREEMENT_SHARING_TYPE: Kind(_E, "共享类型与目录不符", "The sharing type is not the catalogue's"),
        _C.AGREEMENT_FIELD: Kind(_E, "目录中没有该信息项", "The catalogue has no such field"),
        _C.AGREEMENT_BROADER_THAN_CATALOGUE: Kind(
            _E, "协议的形式超出目录所列", "Grants a form that the catalogue does not offer"
        ),
        _C.AGREEMENT_SENSITIVE_TERM: Kind(_E, "含敏感信息而期限超过一年", "Grants sensitive data for more than a year"),
        _C.AGREEMENT_NO_ASSESSMENT: Kind(
            _E, "含敏感信息而没有影响评估", "Grants sensitive data without an impact assessment"
        ),
        _C.AGREEMENT_PREDICATE: Kind(_E, "判断与信息项的类型不符", "A predicate does not fit the type of its field"),
        _C.AGREEMENT_OVERLAP: Kind(_W, "与另一份协议重叠", "Overlaps with another agreement"),
        _C.AGREEMENT_CONTRADICTION: Kind(
            _E, "与另一份重叠的协议条件相反", "Contradicts another agreement that overlaps with it"
        ),
    }
)
"""Severity and texts by code; total (tested)."""
