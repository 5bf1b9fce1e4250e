"""Agreements: what one provider lets one consumer have, as a signed file that both sides and the gateway read alike.

Rules kept here: an agreement is its exact bytes; its digest is over those bytes; a file with an unknown key, a missing
key or a value outside its floor is refused as a whole. Agreements are data and never add a rule.

What it does not do: it verifies no signature and keeps no files; the gateway's sharing and the nodes do.
"""

from policies.agreements.agreement import MAX_TERM_MS, SENSITIVE_TERM_MS, Agreement, Term
from policies.agreements.parse import FORMAT, BadAgreement, parse_agreement

__all__ = [
    "FORMAT",
    "MAX_TERM_MS",
    "SENSITIVE_TERM_MS",
    "Agreement",
    "BadAgreement",
    "Term",
    "parse_agreement",
]
