"""What a setting of the learner must keep to, whatever it gains."""

from __future__ import annotations

from dataclasses import dataclass

from risk_model.specification import Learner


@dataclass(frozen=True)
class Bounds:
    """Bounds of a search.

    Parameters
    ----------
    leaves_in_all
        Trees times leaves at most: scoring and exact explanation cost in proportion to it.
    slopes
        Lowest and highest slope of the labels on the margin, in later time. A slope below 1 says that
        the margins are spread too far, as of a learner that has fitted noise: calibration would mend
        the mean and not the order.

    Notes
    -----
    Directions are not searched: they are the library's, and hold in every trial.
    """

    leaves_in_all: int = 3200
    slopes: tuple[float, float] = (0.75, 1.5)

    def most_trees(self, leaves: int) -> int:
        """Return how many trees of so many leaves are allowed."""
        return max(1, self.leaves_in_all // leaves)

    def excess(self, learner: Learner, slope: float) -> tuple[float, float, float]:
        """Return by how much each bound is exceeded; a bound is kept where it is not above 0."""
        low, high = self.slopes
        return (
            float(learner.trees * learner.leaves - self.leaves_in_all),
            low - slope,
            slope - high,
        )
