"""The access log: append-only, signed, encrypted at rest, and verifiable by anyone with its public key (docs/audit.md).

Depends on `keys` only (and SQLAlchemy for storage), so that an auditor verifies a copy without a gateway.
"""
