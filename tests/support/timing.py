"""Can two kinds of answer be told apart by how long they take? A classifier and its score.

The score is the area under the ROC curve (AUC): the chance that a call of the one kind took longer than a call of the
other. 0.5 is guessing; the classifier may call either kind the slow one, so the score is never below 0.5.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple


class Scores(NamedTuple):
    """How well the kinds are told apart.

    Attributes:
        alone: From one latency alone.
        paired: From which call of an interleaved pair took longer, which takes out whatever drifts.
    """

    alone: float
    paired: float

    @property
    def best(self) -> float:
        """Of the better classifier."""
        return max(self.alone, self.paired)


def classify(pairs: Sequence[tuple[float, float]]) -> Scores:
    """Score both classifiers.

    Args:
        pairs: Seconds of a call of the one and of the other kind, made one right after the other in random order.

    Returns:
        The scores, 0.5 to 1.
    """
    one, other = sorted(a for a, _ in pairs), [b for _, b in pairs]
    # Mann and Whitney's U divided by the number of comparisons; a tie counts half.
    wins = sum((bisect_left(one, b) + bisect_right(one, b)) / 2 for b in other) / (len(one) * len(other))
    slower = sum((b > a) + (b == a) / 2 for a, b in pairs) / len(pairs)
    return Scores(max(wins, 1 - wins), max(slower, 1 - slower))
