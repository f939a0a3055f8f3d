"""Columns of a comparison: scores at milestones."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.spec.milestone import Milestone

LOSS = "loss"
# Scores have names only; of all but these, smaller is better.
_HIGHER_IS_BETTER = ("accuracy",)
# The name of the precision of a score, which is not a score itself.
_PRECISION = "_standard_error"


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """A score at a milestone.

    Attributes:
        milestone: where it is measured.
        score: `loss` for the training loss, else the name of another measurement, e.g. `test_accuracy`.
    """

    milestone: Milestone
    score: str = LOSS

    @property
    def is_loss(self) -> bool:
        """True for the training loss."""
        return self.score == LOSS

    @property
    def is_compared(self) -> bool:
        """True if optimizers are ranked by it."""
        return not self.score.endswith(_PRECISION)

    @property
    def higher_is_better(self) -> bool:
        """True if a larger value is better, as for accuracies."""
        return self.score.endswith(_HIGHER_IS_BETTER)

    @property
    def title(self) -> str:
        """The text for people: `test loss at 300,000 steps`."""
        return f"{self.score_title} at {self.milestone.title}"

    @property
    def score_title(self) -> str:
        """The text for people: `test loss`."""
        return self.score.replace("_", " ")

    @property
    def order(self) -> tuple[Milestone, bool]:
        """The sort key of columns: by milestone, and the training loss first."""
        return self.milestone, not self.is_loss
