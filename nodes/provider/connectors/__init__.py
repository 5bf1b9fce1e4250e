"""Connectors: they read a department's sources and never write to them."""

from nodes.provider.connectors.rows import BadRow, Connector, Row, key_text
from nodes.provider.connectors.source import OpenSource, open_source

__all__ = ["BadRow", "Connector", "OpenSource", "Row", "key_text", "open_source"]
