"""Backups of a gateway: what may be copied, how it is sealed, and how it comes back without passing for the present."""
