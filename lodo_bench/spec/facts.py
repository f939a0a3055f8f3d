"""Facts about an optimizer on a task that their code states; they are stored with final runs."""

from __future__ import annotations

from dataclasses import dataclass

from lodo_bench.spec.training import LossBound


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that the code of an optimizer and of a task state, and that their runs do not show.

    They are stored when runs are opened, so that reports need neither that code, which may change or be missing, nor
    PyTorch.

    Attributes:
        complexity: time for one step, such as `O(n)`; empty where it is unknown.
        is_compiled: True if its steps are taken by one compiled loop over task and optimizer.
        is_scheduled: True if its steps depend on how many are planned, so that it is scored where its plan ends only.
        told: knowledge of the task that it is given beside gradients, such as `Hessian`; empty for none.
        bound: the loss on the task that no optimizer can beat in the long run; None where it is unknown.
        solved_below: the loss at which a run counts as having solved the task; None if there is no such criterion.
    """

    complexity: str = ""
    is_compiled: bool = False
    is_scheduled: bool = False
    told: str = ""
    bound: LossBound | None = None
    solved_below: float | None = None


UNKNOWN = Facts()
"""Those of code that states none, or is not on this machine."""
