"""What is compared: a score at a milestone."""

from __future__ import annotations

from dataclasses import dataclass

LOSS = "loss"
# Scores have names only, and all but these are the better the smaller they are.
_HIGHER_IS_BETTER = ("accuracy",)
# Says how precise a score is, and is none itself.
_PRECISION = "_standard_error"


@dataclass(frozen=True, slots=True)
class Column:
    """A score at a milestone.

    Attributes:
        milestone: its key, e.g. `steps:200`.
        score: `loss` for the training loss, else the name of what was measured, e.g. `test_accuracy`.
    """

    milestone: str
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
        return f"{self.score_title} at {milestone_title(self.milestone)}"

    @property
    def score_title(self) -> str:
        """`test loss`."""
        return self.score.replace("_", " ")

    @property
    def order(self) -> tuple[str, float, bool]:
        """Sorts columns: by milestone, and the training loss first."""
        return *milestone_order(self.milestone), not self.is_loss


def milestone_order(key: str) -> tuple[str, float]:
    """Sorts milestone keys: steps before seconds, short before long."""
    unit, _, value = key.partition(":")
    return "0" if unit == "steps" else "1", float(value)


def milestone_title(key: str) -> str:
    """`steps:20000` -> `20,000 steps`; `seconds:300` -> `300 s`."""
    unit, _, value = key.partition(":")
    return f"{float(value):,.15g} {'s' if unit == 'seconds' else unit}"
