"""Verifying an exported copy of the log offline, with the log's public key and, if held, an earlier checkpoint.

Depends on `keys` and the standard library only: an auditor needs no gateway, no database and no network.
"""
