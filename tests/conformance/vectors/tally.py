"""How many vectors were run, so that an empty file or a filter that fits nothing is not taken for success."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Vectors of one primitive.

    Attributes:
        accepted: Known answers that came out.
        refused: Inputs that must be refused and were.
        ours: How many of both went through a module of this project as well.
    """

    accepted: int = 0
    refused: int = 0
    ours: int = 0

    def __str__(self) -> str:
        return f"{self.accepted:5} known answers, {self.refused:4} refused, {self.ours:4} of them through our modules"
