"""Why a backup is not made, not believed or not put back. No message carries a person's id, a value or a secret."""

from gateway.errors import GatewayError


class BackupError(GatewayError):
    """Base of everything this package raises on purpose."""


class BackupRefused(BackupError):
    """What was asked for is not carried out; nothing was changed, or what was begun says so (`restore.json`)."""


class BackupDamaged(BackupError):
    """A backup is not what was written: cut off, edited or mixed with another one. Fails closed: none is used."""


class EpochRefused(BackupError):
    """A new epoch of the log is not prepared or not opened; the log is as it was."""
