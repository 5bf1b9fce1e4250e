"""Consents: what a person allows one department to have, for one purpose, as an immutable artefact.

Rules kept here: a consent is its exact bytes; its digest is over those bytes and names it everywhere. It holds no
identifier: the person appears as a commitment whose key travels apart. Changing anything makes another artefact that
names the one it takes the place of. What it permits is decided item by item and fails closed.

What it does not do: it verifies no proof and keeps nothing; `keys.consent_proof`, the gateway and the nodes do. It is
not an explicit request: that is the click that starts a public task, and has its own artefact
(`policies.explicit_requests`).
"""

from policies.consent_words import Frequency
from policies.consents.artefact import MAX_BYTES, Consent, ConsentPart, Delegate, write_consent
from policies.consents.lifecycle import FINAL, Act, NotPossible, Status, after, standing
from policies.consents.notice import notice_of, notice_text
from policies.consents.parse import BadConsent, parse_consent
from policies.consents.terms import exceeds

__all__ = [
    "FINAL",
    "MAX_BYTES",
    "Act",
    "BadConsent",
    "Consent",
    "ConsentPart",
    "Delegate",
    "Frequency",
    "NotPossible",
    "Status",
    "after",
    "exceeds",
    "notice_of",
    "notice_text",
    "parse_consent",
    "standing",
    "write_consent",
]
