"""Where a member keeps its agreements."""

from pathlib import Path

from nodes.enrolment.home import Home
from nodes.provider.config import load_settings


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
