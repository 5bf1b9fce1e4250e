"""The table `[consent]` of `node.toml`: whose word this department asks for before it releases on the basis of consent.

Rules kept here: without the table the person's own word is asked for, and no issuer is accepted, so that nothing is
released on that basis until the department has said whose tokens count (fails closed). Algorithms are named one by one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys.consent_proof import TokenIssuer
from keys.errors import UnusableKeys
from keys.jwks import ALGORITHMS, JwksFile
from nodes.provider.config.reader import Table
from policies.consent_words import Proof
from policies.identifiers import known_schemes

WITHDRAWN_FILE: Final = "withdrawn-consents.txt"


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """What the department asks for.

    Args:
        proof: Whose word.
        issuers: Whose tokens are a person's own word.
        withdrawn: The steward's entries of consents that were withdrawn at the department itself.
    """

    proof: Proof
    issuers: tuple[TokenIssuer, ...]
    withdrawn: Path


def read_consents(table: Table | None, home: Path) -> ConsentRules:
    """Read the table; mistakes are noted in it.

    Args:
        table: `[consent]`, or None when there is none.
        home: Where relative paths start.
    """
    withdrawn = home / WITHDRAWN_FILE
    if table is None:
        return ConsentRules(Proof.REQUIRED, (), withdrawn)
    proof = table.one_of("proof", Proof, Proof.REQUIRED) or Proof.REQUIRED
    issuers = tuple(_issuer(one, home) for one in table.tables("issuers")) if table.has("issuers") else ()
    if len({issuer.issuer for issuer in issuers}) != len(issuers):
        table.wrong("issuers", "must not name an issuer twice")
    table.close()
    return ConsentRules(proof, issuers, withdrawn)


def _issuer(table: Table, home: Path) -> TokenIssuer:
    algorithms = table.texts("algorithms") or ("ES256",)
    if not ALGORITHMS.issuperset(algorithms):
        table.wrong("algorithms", f"must be among {', '.join(sorted(ALGORITHMS))}")
    scheme = table.text("scheme") or "cn.resident-id"
    if scheme not in known_schemes():
        table.wrong("scheme", "must be a known scheme")
    keys = JwksFile(home / table.text("jwks_file", required=True))
    issuer = TokenIssuer(
        issuer=table.text("issuer", required=True),
        keys=keys,
        audience=table.text("audience") or "oncegate",
        algorithms=tuple(algorithms),
        scheme=scheme,
        identifier_claim=table.text("identifier_claim") or "resident_id",
        relations_claim=table.text("relations_claim"),
    )
    table.close()
    try:
        keys.load()
    except UnusableKeys as error:
        table.wrong("jwks_file", f"cannot be used: {error}")
    return issuer
