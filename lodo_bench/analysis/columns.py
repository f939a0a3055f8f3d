"""What is compared: a score at a milestone."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.spec.milestone import Milestone

LOSS = "loss"
# Scores have names only, and all but these are the better the smaller they are.
_HIGHER_IS_BETTER = ("accuracy",)
# Says how precise a score is, and is none itself.
_PRECISION = "_standard_error"


@dataclass(frozen=True, slots=True)
class Column:
    """A score at a milestone.

    Attributes:
        milestone: where it is measured.
        score: `loss` for the training loss, else the name of what was measured, e.g. `test_accuracy`.
    """

    milestone: Milestone
    score: str = LOSS

    @property
    def is_loss(self) -> bool:
        """Whether it is the training loss."""
        return self.score == LOSS

    @property
    def is_compared(self) -> bool:
        """Whether optimizers are ranked by it."""
        return not self.score.endswith(_PRECISION)

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is a better one: of an accuracy."""
        return self.score.endswith(_HIGHER_IS_BETTER)

    @property
    def title(self) -> str:
        """`test loss at 300,000 steps`."""
        return f"{self.score_title} at {self.milestone.title}"

    @property
    def score_title(self) -> str:
        """`test loss`."""
        return self.score.replace("_", " ")

    @property
    def order(self) -> tuple[Milestone, bool]:
        """The sort key of columns: by milestone, and the training loss first."""
        return self.milestone, not self.is_loss
