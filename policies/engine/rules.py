"""The guardrails that every bundle must have, and the reason that each gives when it forbids.

What it does not do: the rules themselves are in policies/bundle/guardrails.cedar; that each does what its name says is
tried with a probe whenever a bundle loads (`policies.engine.probes`).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from policies.reasons import Reason

GUARDRAILS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "resource-is-shared": Reason.NOT_SHARED,
        "agreement-exists": Reason.NO_AGREEMENT,
        "agreement-fits-resource": Reason.AGREEMENT_MISMATCH,
        "agreement-fits-sharing-type": Reason.AGREEMENT_MISMATCH,
        "agreement-has-started": Reason.AGREEMENT_NOT_STARTED,
        "agreement-has-not-expired": Reason.AGREEMENT_EXPIRED,
        "consumer-is-party": Reason.WRONG_DEPARTMENT,
        "system-is-listed": Reason.WRONG_SYSTEM,
        "purpose-is-stated": Reason.PURPOSE_MISSING,
        "purpose-is-covered": Reason.PURPOSE_NOT_COVERED,
        "service-is-covered": Reason.SERVICE_NOT_COVERED,
        "basis-is-covered": Reason.BASIS_NOT_COVERED,
        "emergency-agreement-is-for-emergencies": Reason.EMERGENCY_ONLY,
        "emergency-has-its-own-agreement": Reason.EMERGENCY_NOT_AGREED,
        "emergency-reason-is-covered": Reason.EMERGENCY_REASON_NOT_COVERED,
        "consent-is-present": Reason.CONSENT_MISSING,
        "case-is-stated": Reason.CASE_REQUIRED,
        "official-is-identified": Reason.OFFICIAL_REQUIRED,
        "scheme-is-accepted": Reason.SCHEME_NOT_ACCEPTED,
        "field-is-in-agreement": Reason.NOT_IN_AGREEMENT,
        "form-is-in-agreement": Reason.FORM_NOT_ALLOWED,
        "predicate-is-in-agreement": Reason.PREDICATE_NOT_AGREED,
        "form-is-in-catalogue": Reason.FORM_NOT_ALLOWED,
        "sensitive-has-a-term": Reason.SENSITIVE_TERM,
        "sensitive-has-an-assessment": Reason.IMPACT_ASSESSMENT_MISSING,
    }
)
"""Reason by rule id, in the order in which reasons are told when several guardrails forbid at once."""

KNOWN_TERMS_RULE: Final = "known-terms"
"""Stands in a decision's rules when a term is unknown; checked before Cedar, so no bundle has a rule of this name."""

PURPOSES_RULE: Final = "registered-purposes"
"""Stands in a decision's rules when a purpose is retired or does not have the legal basis; as `KNOWN_TERMS_RULE`."""
BEFORE_CEDAR: Final[Mapping[str, tuple[Reason, ...]]] = MappingProxyType(
    {
        KNOWN_TERMS_RULE: (Reason.UNKNOWN_TERM,),
        PURPOSES_RULE: (Reason.PURPOSE_RETIRED, Reason.BASIS_NOT_FOR_PURPOSE),
    }
)
"""The checks that the engine makes itself, and the reasons of each, in their order."""


def reason_of(rules: Iterable[str]) -> Reason:
    """The reason to tell for rules that forbid.

    Args:
        rules: Ids of all rules that forbid; empty when none does and nothing permits either.

    Returns:
        The first guardrail's reason in the table's order; GUARDRAIL for a local rule; POLICY_EMPTY for no rule.
    """
    forbidding = frozenset(rules)
    if not forbidding:
        return Reason.POLICY_EMPTY
    return next((reason for rule, reason in GUARDRAILS.items() if rule in forbidding), Reason.GUARDRAIL)
