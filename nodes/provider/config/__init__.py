"""A node's configuration: what it offers, where its records are, what its department withholds."""

from nodes.provider.config.node import DepartmentRules, GuessLimits, Limits, NodeSettings, load_node, load_settings
from nodes.provider.config.resources import Handles, Offer, ProvidedField, ProvidedResource, load_offer
from nodes.provider.config.sources import CsvSource, Encoding, Pool, Source, SqlSource

__all__ = [
    "CsvSource",
    "DepartmentRules",
    "Encoding",
    "GuessLimits",
    "Handles",
    "Limits",
    "NodeSettings",
    "Offer",
    "Pool",
    "ProvidedField",
    "ProvidedResource",
    "Source",
    "SqlSource",
    "load_node",
    "load_offer",
    "load_settings",
]
