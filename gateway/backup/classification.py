"""Which tables and columns an ordinary backup carries, written down table by table.

Erasing a person destroys the person's wrapped data key, and that must hold for backups too. So wrapped keys are never
copied into an ordinary backup: they lie in key backups alone, which are deleted after a few days.

Rules kept: every declared table stands here (a test fails for one that does not, and for a name that is no table); a
table that a program has and this list lacks is copied whole, because a backup that silently leaves a table out is
worse than one that carries it. That guard fails towards completeness, so the test is what keeps a new column of
wrapped keys out; it also looks for such columns by their names.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sqlalchemy import MetaData, Table

from gateway.storage.migrate import declared_tables


class Treatment(StrEnum):
    """What a backup does with a table."""

    WHOLE = "whole"
    """Every row as it is."""

    WITHOUT_KEYS = "without keys"
    """Every row, with the columns of `WITHHELD` blotted out: that there was something stays, what it was does not."""


TREATMENT: Final[Mapping[str, Treatment]] = {
    "audit_acknowledged": Treatment.WHOLE,
    "audit_alerts": Treatment.WHOLE,
    "audit_checkpoints": Treatment.WHOLE,
    "audit_counters": Treatment.WHOLE,
    "audit_days": Treatment.WHOLE,
    "audit_entries": Treatment.WHOLE,
    "audit_facets": Treatment.WHOLE,
    "audit_labels": Treatment.WHOLE,
    "audit_marks": Treatment.WHOLE,
    "audit_detection_marks": Treatment.WHOLE,
    "audit_listed": Treatment.WHOLE,
    "audit_relation_questions": Treatment.WHOLE,
    "audit_relations": Treatment.WHOLE,
    "audit_tallies": Treatment.WHOLE,
    "auditors_epoch": Treatment.WHOLE,
    "auditors_identities": Treatment.WHOLE,
    "catalog_epoch": Treatment.WHOLE,
    "catalog_resources": Treatment.WHOLE,
    "catalog_terms": Treatment.WHOLE,
    "catalog_versions": Treatment.WHOLE,
    "emergencies_uses": Treatment.WHOLE,
    "identity_certificates": Treatment.WHOLE,
    "identity_denials": Treatment.WHOLE,
    "identity_departments": Treatment.WHOLE,
    "identity_enrolment_tokens": Treatment.WHOLE,
    "identity_epoch": Treatment.WHOLE,
    "index_keys": Treatment.WHOLE,
    "index_lists": Treatment.WHOLE,
    "index_nodes": Treatment.WHOLE,
    "index_pointers": Treatment.WHOLE,
    "index_rejections": Treatment.WHOLE,
    "policy_activations": Treatment.WHOLE,
    "policy_bundles": Treatment.WHOLE,
    "policy_epoch": Treatment.WHOLE,
    "sharing_agreements": Treatment.WHOLE,
    "sharing_consent_epoch": Treatment.WHOLE,
    "sharing_consents": Treatment.WHOLE,
    "sharing_epoch": Treatment.WHOLE,
    "sharing_proposals": Treatment.WHOLE,
    "sharing_explicit_requests": Treatment.WHOLE,
    "sharing_revocations": Treatment.WHOLE,
    "sharing_steps": Treatment.WHOLE,
    "sharing_suspensions": Treatment.WHOLE,
    "vault_blind_index": Treatment.WHOLE,
    "vault_consent_proofs": Treatment.WHOLE,
    "vault_corrections": Treatment.WHOLE,
    "vault_erasures": Treatment.WHOLE,
    "vault_fields": Treatment.WHOLE,
    "vault_history": Treatment.WHOLE,
    "vault_keys": Treatment.WITHOUT_KEYS,
    "vault_notices": Treatment.WHOLE,
    "vault_persons": Treatment.WHOLE,
    "vault_pseudonym_generations": Treatment.WHOLE,
    "vault_pseudonym_releases": Treatment.WHOLE,
}
"""Treatment of each table, by name."""

WITHHELD: Final[Mapping[str, frozenset[str]]] = {"vault_keys": frozenset({"wrapped"})}
"""Columns that no ordinary backup carries, by table."""

VAULT_KEYS: Final = "vault_keys"
ERASURES: Final = "vault_erasures"
"""Table of erased persons, read when the program has it."""

BLOTTED: Final = b""
"""Stands in a backup for a withheld value that was there; NULL stays NULL, so that an erased key is not mistaken."""


def tables(metadata: MetaData | None = None) -> list[Table]:
    """Every declared table, those that others refer to first."""
    return list((metadata or declared_tables()).sorted_tables)


def withheld(table: Table) -> frozenset[str]:
    """The columns of a table that stay out of an ordinary backup."""
    return WITHHELD.get(table.name, frozenset())
