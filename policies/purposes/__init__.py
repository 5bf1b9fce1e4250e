"""Purposes and legal bases: the registered vocabularies of why data may be asked for.

Rules kept here: a request names exactly one purpose and one legal basis, and the purpose says on which bases it may
rest. What is not registered is not known. The closed list of bases is `policies.vocabulary.LegalBasis`.

What it does not do: it does not say which department may use which purpose; agreements do.
"""

from policies.purposes.bases import BASES, Basis
from policies.purposes.parse import PURPOSES, BadPurposes, extended_by, parse_purposes
from policies.purposes.vocabulary import Purpose, Purposes, Status

__all__ = [
    "BASES",
    "PURPOSES",
    "BadPurposes",
    "Basis",
    "Purpose",
    "Purposes",
    "Status",
    "extended_by",
    "parse_purposes",
]
