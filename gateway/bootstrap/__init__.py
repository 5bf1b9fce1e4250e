"""Wiring, done once by plain constructor calls.

From settings and keyring to a gateway that serves, or to the offline parts that the operator's commands use.
"""

from gateway.bootstrap.home import Initialised, initialise
from gateway.bootstrap.offline import Offline, open_offline
from gateway.bootstrap.serving import STATUS_FILE, serve
from gateway.bootstrap.vault_identity import install_vault_certificate, write_vault_request

__all__ = [
    "STATUS_FILE",
    "Initialised",
    "Offline",
    "initialise",
    "install_vault_certificate",
    "open_offline",
    "serve",
    "write_vault_request",
]
