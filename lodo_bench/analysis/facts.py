"""Facts about an optimizer that its code tells, and stored runs do not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OptimizerFacts:
    """Facts about an optimizer on a task, which the rows of a comparison show.

    Attributes:
        complexity: time for one step, such as `O(n)`; empty where it is unknown.
        is_compiled: True if its steps are taken by one compiled loop over task and optimizer.
        is_scheduled: True if its steps depend on how many are planned, so that it is scored where its plan ends only.
        told: knowledge of the task that it is given beside gradients, such as `Hessian`; empty for none.
    """

    complexity: str = ""
    is_compiled: bool = False
    is_scheduled: bool = False
    told: str = ""
