"""The vocabularies as a document for people and programs; the gateway's and the node's commands print the same."""

from typing import Any, Final

from policies.purposes.bases import BASES
from policies.purposes.parse import PURPOSES
from policies.purposes.vocabulary import Purposes
from policies.vocabulary import LegalBasis

PACKAGE: Final = "package"
FILE: Final = "file"


def listing(purposes: Purposes, now_ms: int) -> dict[str, Any]:
    """Purposes and legal bases, each with its law.

    Args:
        purposes: The vocabulary that counts.
        now_ms: The moment of the status, Unix ms.

    Returns:
        Plain values for JSON: `purposes` in the vocabulary's order, `legal_bases`.
    """
    return {
        "purposes": [
            {
                "code": one.code,
                "zh": one.zh,
                "en": one.en,
                "legal_bases": [str(basis) for basis in LegalBasis if basis in one.bases],
                "law_zh": one.law_zh,
                "law_en": one.law_en,
                "status": str(one.status(now_ms)),
                "retired": None if one.retired is None else one.retired.isoformat(),
                "registered_in": PACKAGE if one.code in PURPOSES else FILE,
            }
            for one in purposes.values()
        ],
        "legal_bases": [
            {"code": str(basis), "zh": words.zh, "en": words.en, "law_zh": words.law_zh, "law_en": words.law_en}
            for basis, words in BASES.items()
        ],
    }


def rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """The purposes of a listing as lines of a table; the heads are `HEADS`."""
    return [
        (
            one["code"],
            f"{one['zh']}\n{one['en']}",
            "\n".join(one["legal_bases"]),
            f"{one['law_zh']}\n{one['law_en']}",
            _STATUS[one["status"]] + (f"\n{one['retired']}" if one["retired"] else ""),
            one["registered_in"],
        )
        for one in document["purposes"]
    ]


def basis_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """The legal bases of a listing as lines of a table; the heads are `BASIS_HEADS`."""
    return [
        (one["code"], f"{one['zh']}\n{one['en']}", f"{one['law_zh']}\n{one['law_en']}")
        for one in document["legal_bases"]
    ]


HEADS: Final = ("code 代码", "purpose 用途", "legal bases 依据", "law 法律", "status 状态", "registered in 登记于")
BASIS_HEADS: Final = ("code 代码", "legal basis 依据", "law 法律")
_STATUS: Final = {"active": "active 在用", "retired": "retired 已停用"}
