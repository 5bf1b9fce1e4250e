"""Why a database is not opened."""

from gateway.errors import GatewayError


class DatabaseRefused(GatewayError):
    """The database cannot be trusted to keep what is written to it, so the gateway does not start with it.

    The message names settings and revisions only, never a path, a credential or a stored value.
    """
