"""The legal bases on which a release may rest, in the words and with the law that are shown for them.

Rules kept here: the list is closed (`policies.vocabulary.LegalBasis`) and every word of it stands here (tested). A
release rests on exactly one. An explicit request is the person's click that starts a public task, and no consent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from policies.vocabulary import LegalBasis


@dataclass(frozen=True, slots=True)
class Basis:
    """A legal basis in words.

    Args:
        zh: Its name, Chinese.
        en: Its name, English.
        law_zh: The law that it stands on, Chinese.
        law_en: The same, English.
    """

    zh: str
    en: str
    law_zh: str
    law_en: str


BASES: Final[Mapping[LegalBasis, Basis]] = MappingProxyType(
    {
        LegalBasis.MANDATE: Basis(
            "法定职责",
            "a statutory mandate",
            "《中华人民共和国个人信息保护法》第十三条第一款第三项、第三十四条；《中华人民共和国数据安全法》第三十八条",
            "Personal Information Protection Law, article 13 paragraph 1 item 3 and article 34; "
            "Data Security Law, article 38",
        ),
        LegalBasis.EXPLICIT_REQUEST: Basis(
            "本人明确请求",
            "the person's explicit request",
            "《中华人民共和国个人信息保护法》第十三条第一款第三项、第三十五条",
            "Personal Information Protection Law, article 13 paragraph 1 item 3 and article 35",
        ),
        LegalBasis.CONSENT: Basis(
            "本人同意",
            "the person's consent",
            "《中华人民共和国个人信息保护法》第十三条第一款第一项、第十四条、第二十三条、第二十九条",
            "Personal Information Protection Law, article 13 paragraph 1 item 1 and articles 14, 23 and 29",
        ),
    }
)
"""Every legal basis by its word."""
