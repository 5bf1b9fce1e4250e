"""What can come of asking a witness, other than a cosignature. No witness is believed about why."""


class WitnessFailed(Exception):
    """A witness gave nothing that can be used: it is down, slow, speaks something else, or signed something else."""


class WitnessAhead(WitnessFailed):
    """A witness says that it has cosigned a larger head than the one submitted.

    Args:
        size: The size that it says.
    """

    def __init__(self, size: int) -> None:
        super().__init__("it has cosigned a larger head")
        self.size = size


class WitnessRefused(WitnessFailed):
    """A witness says that the head does not continue the one that it cosigned."""
