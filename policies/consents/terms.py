"""Whether a consent stays inside what an agreement lets a person consent to.

Rules kept here: fails closed, and is checked at the gateway when a consent is drawn up or granted and again by each
provider's node against its own copy of the agreement, so that neither takes a wider one.
"""

from policies.agreements.agreement import DAY_MS, Agreement
from policies.consent_words import Fetch
from policies.consents.artefact import Consent


def exceeds(consent: Consent, agreement: Agreement) -> str:
    """Which rule of an agreement a consent breaks.

    Args:
        consent: The artefact.
        agreement: The agreement of one of its parts, in the very revision that the part names.

    Returns:
        The member of the consent that goes too far; empty when none does.
    """
    terms, part = agreement.consent, consent.part(agreement.resource)
    if terms is None or part is None:
        return "parts"
    frequency_holds = consent.fetch is Fetch.ONCE or (
        terms.frequency is not None
        and consent.frequency is not None
        and consent.frequency.no_more_than(terms.frequency)
    )
    checks = (
        ("parts", part.agreement_digest == agreement.digest and part.provider == agreement.provider),
        ("consumer", consent.consumer == agreement.consumer),
        ("systems", consent.systems <= agreement.systems),
        ("purpose", consent.purpose in agreement.purposes),
        ("parts", all(forms <= agreement.items.get(field, frozenset()) for field, forms in part.items.items())),
        ("mode", consent.mode is terms.mode),
        ("frequency", frequency_holds),
        ("data_life_days", consent.data_life_days <= terms.data_life_days),
        ("valid", consent.valid_until_ms - consent.valid_from_ms <= terms.max_days * DAY_MS),
        ("delegate", consent.delegate is None or consent.delegate.relation in terms.relations),
    )
    return next((member for member, holds in checks if not holds), "")
