"""What is said where entries may be missing because their retention has ended."""

from typing import Any

from gateway.cli.output import moment, say


def retained_of(response: Any) -> dict[str, int] | None:
    """From where on the log says what it said, out of a response; None when nothing was pruned."""
    if not response.HasField("retained"):
        return None
    said = response.retained
    return {
        "from_index": said.from_index,
        "pruned_under": said.pruned_under,
        "newest_unix_ms": said.newest_unix_ms,
    }


def say_retained(retained: dict[str, int] | None) -> None:
    """Tell people, if there is something to tell."""
    if retained is not None:
        say(
            f"entries up to {moment(retained['newest_unix_ms'])} are pruned under entry {retained['pruned_under']}: "
            "their retention has ended / 更早的条目保留期已满，内容已清理"
        )
