"""Looks for what is allowed to be written but is probably not meant: in bundles of rules and in agreements.

Rules kept here: a finding has a stable code, a severity, a place and a text in Chinese and English; the table of codes
is total. What is tried and not proved is said to be tried: Cedar's rules are run on many made-up questions, chosen by
what the rules themselves talk about, so a finding comes with a question that shows it, and silence is no proof.

What it does not do: it changes nothing and lets nothing pass; loading (`policies.engine`) and deciding do not ask it.
"""

from policies.lint.agreements import AgreementSource, Exchange, lint_agreements
from policies.lint.bundle import lint_bundle
from policies.lint.findings import FINDINGS, Finding, FindingCode, Severity

__all__ = [
    "FINDINGS",
    "AgreementSource",
    "Exchange",
    "Finding",
    "FindingCode",
    "Severity",
    "lint_agreements",
    "lint_bundle",
]
