"""The registered purposes of a gateway: those of the package, and those of the file that its settings name."""

from gateway.settings import BadSettings, Settings
from policies.purposes import PURPOSES, BadPurposes, Purposes, extended_by


def purposes_of(settings: Settings) -> Purposes:
    """The vocabulary that counts.

    Args:
        settings: The gateway's settings.

    Raises:
        BadSettings: The file cannot be used; the text names line, key and rule. Nothing starts then (fails closed).
    """
    file = None if settings.purposes_file is None else settings.path(settings.purposes_file)
    try:
        return extended_by(PURPOSES, file)
    except BadPurposes as error:
        raise BadSettings(f"purposes_file: {error}") from None
