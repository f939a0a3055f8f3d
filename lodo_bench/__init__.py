"""lodo-bench tunes, times and compares gradient optimizers; see the README for the command line.

In Python, `tune`, `run` and `compare` do the same as the commands, `train` trains a population once, and `LODO` is a
drop-in `torch.optim.Optimizer`. To add an optimizer, derive it from `Optimizer`; to add a task,
from `FunctionTask`, `ModuleTask` or `Task`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lodo_bench.errors import DatabaseError, LodoBenchError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from lodo_bench.analysis.comparison import Comparison
    from lodo_bench.api.compare import compare
    from lodo_bench.api.progress import ProgressReporter, SilentReporter
    from lodo_bench.api.run import run
    from lodo_bench.api.tune import tune
    from lodo_bench.optimizers.base import Optimizer, Oracle
    from lodo_bench.optimizers.lodo.drop_in.optimizer import LODO
    from lodo_bench.spec.compute import ComputeSpec
    from lodo_bench.spec.options import HyperparameterSpec, Option
    from lodo_bench.spec.outcome import Curve, Outcome, Status
    from lodo_bench.spec.run_set import RunRecord, RunSetRecord
    from lodo_bench.spec.study import StudyRecord
    from lodo_bench.spec.training import Individual, LossBound, OptimizerSpec, TaskSpec, TrainingSpec
    from lodo_bench.tasks.base import Task
    from lodo_bench.tasks.custom.function import FunctionTask
    from lodo_bench.tasks.custom.module import ModuleTask
    from lodo_bench.training.loop import train

__version__ = "0.1.0"
__all__ = [
    "LODO",
    "Comparison",
    "ComputeSpec",
    "Curve",
    "DatabaseError",
    "FunctionTask",
    "HyperparameterSpec",
    "Individual",
    "LodoBenchError",
    "LossBound",
    "ModuleTask",
    "Optimizer",
    "OptimizerSpec",
    "Option",
    "Oracle",
    "Outcome",
    "ProgressReporter",
    "RunRecord",
    "RunSetRecord",
    "SilentReporter",
    "Status",
    "StudyRecord",
    "Task",
    "TaskSpec",
    "TrainingSpec",
    "UnknownNameError",
    "UsageError",
    "compare",
    "run",
    "train",
    "tune",
]

# Imported on first access, so that the command line responds quickly without PyTorch.
_MODULES = {
    "analysis.comparison": ("Comparison",),
    "api.compare": ("compare",),
    "api.progress": ("ProgressReporter", "SilentReporter"),
    "api.run": ("run",),
    "api.tune": ("tune",),
    "optimizers.base": ("Optimizer", "Oracle"),
    "optimizers.lodo.drop_in.optimizer": ("LODO",),
    "spec.compute": ("ComputeSpec",),
    "spec.options": ("HyperparameterSpec", "Option"),
    "spec.outcome": ("Curve", "Outcome", "Status"),
    "spec.run_set": ("RunRecord", "RunSetRecord"),
    "spec.study": ("StudyRecord",),
    "spec.training": ("Individual", "LossBound", "OptimizerSpec", "TaskSpec", "TrainingSpec"),
    "tasks.base": ("Task",),
    "tasks.custom.function": ("FunctionTask",),
    "tasks.custom.module": ("ModuleTask",),
    "training.loop": ("train",),
}
_MODULE_OF = {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
