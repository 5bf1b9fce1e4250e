"""Where a member keeps its agreements, and which purposes it knows: both are said by node.toml where there is one."""

from pathlib import Path

from nodes.enrolment.home import Home
from nodes.provider.config import load_settings
from policies.purposes import Purposes


def agreement_folder(home: Home) -> Path:
    """Where a member keeps its agreements: a node may say so in node.toml.

    Args:
        home: The home.

    Returns:
        The folder.

    Raises:
        BadConfig: node.toml has mistakes.
    """
    settings = home.path / "node.toml"
    return load_settings(settings).agreements if settings.exists() else home.agreements


def known_purposes(home: Home) -> Purposes | None:
    """The purposes that a home's node knows.

    Args:
        home: The home.

    Returns:
        The vocabulary; None for a system, which decides nothing.

    Raises:
        BadConfig: node.toml, or the file of purposes that it names, has mistakes.
    """
    settings = home.path / "node.toml"
    return load_settings(settings).purposes if settings.exists() else None
