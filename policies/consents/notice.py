"""The notice that a person reads before consenting: the texts of the agreements, in the order of the consent's parts.

Rules kept here: one text for one set of agreements and language, so that its hash in the artefact says what was read.
"""

import hashlib
from collections.abc import Sequence

from policies.agreements.agreement import Agreement
from policies.consent_words import Locale


def notice_text(agreements: Sequence[Agreement], locale: Locale) -> str:
    """The notice of several agreements.

    Args:
        agreements: In the order of the consent's parts, each with a `[consent]` table.
        locale: Language.

    Returns:
        The texts, an empty line between two that differ; a text that repeats stands once.

    Raises:
        ValueError: An agreement has no terms of consent.
    """
    texts: dict[str, None] = {}
    for agreement in agreements:
        if agreement.consent is None:
            raise ValueError("an agreement has no terms of consent")
        terms = agreement.consent
        texts[terms.notice_zh if locale is Locale.ZH else terms.notice_en] = None
    return "\n\n".join(texts)


def notice_of(agreements: Sequence[Agreement], locale: Locale) -> bytes:
    """SHA-256 of the notice, UTF-8."""
    return hashlib.sha256(notice_text(agreements, locale).encode()).digest()
