"""Plans: the searches and final runs that an experiment consists of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from lodo_bench.compute.cpus import available_cpus
from lodo_bench.errors import UsageError
from lodo_bench.experiments.condition import Condition, conditions_of
from lodo_bench.experiments.spec import Experiment, FinalRuns, Requirement
from lodo_bench.optimizers import load_optimizer
from lodo_bench.runs.hyperparameters import fixed_hyperparameters
from lodo_bench.runs.replicates import run_set_specs
from lodo_bench.spec.compute import BackendChoice, ComputeSpec, Device
from lodo_bench.spec.run_set import Hyperparameters, RunSetSpec
from lodo_bench.spec.study import StudySpec
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.footprint import check_memory
from lodo_bench.training.preflight import preflight
from lodo_bench.training.validation import check_device
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.study import check_search_memory

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExecutionConfig:
    """The device, backend and workers of an experiment.

    Attributes:
        device, backend: of all searches and runs; the backend is resolved.
        cluster: the workers of the searches; untimed final runs use as many processes.
    """

    device: Device
    backend: BackendChoice
    cluster: Cluster

    @property
    def num_processes(self) -> int:
        """The number of searches or untimed runs that are computed at the same time."""
        if self.device != "cpu":
            return 1  # processes that share a GPU gain nothing
        return max(1, available_cpus() if self.cluster.workers is None else self.cluster.workers)

    def compute_for(self, task: TaskSpec) -> ComputeSpec:
        """Return the compute specification for a task, in the task's own precision."""
        return ComputeSpec(self.device, TASKS.load(task.name).default_dtype, self.backend)


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment with everything that it consists of.

    Attributes:
        experiment, execution: as their names say.
        conditions: those of all parts, in order.
        studies: the searches that the conditions need, each once.
    """

    experiment: Experiment
    execution: ExecutionConfig
    conditions: tuple[Condition, ...]
    studies: tuple[StudySpec, ...]

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks, each once; none if nothing is computed."""
        if self.experiment.requires == Requirement.NOTHING:
            return []
        return list(dict.fromkeys(part.task.name for part in self.experiment.parts))

    def studies_of(self, condition: Condition, studies: Sequence[T]) -> list[T]:
        """Return those of `studies`, which are in the plan's order, that tune a condition, by their seeds."""
        return [studies[self.studies.index(spec)] for spec in _study_specs(condition, self.execution)]

    def run_set_specs(
        self, condition: Condition, runs: FinalRuns, hyperparameters: Sequence[Hyperparameters]
    ) -> list[RunSetSpec]:
        """Return the specifications of final runs of a condition, one at each of the hyperparameters, at least one.

        Those of an optimizer that is not tuned have as many runs as all searches of another one together.
        """
        spec = RunSetSpec(
            task=condition.task,
            optimizer=condition.optimizer,
            hyperparameters=hyperparameters[0],
            steps=runs.steps,
            seconds=runs.seconds,
            num_seeds=runs.num_seeds * (1 if condition.is_tuned else condition.part.searches),
            timed=runs.timed,
            compute=self.execution.compute_for(condition.task),
        )
        return run_set_specs(spec, hyperparameters)


def make_plan(experiment: Experiment, execution: ExecutionConfig) -> Plan:
    """Expand an experiment into its conditions and searches; compute nothing."""
    conditions = tuple(condition for part in experiment.parts for condition in conditions_of(part))
    studies: list[StudySpec] = []
    similar: dict[tuple[str, str, int], list[StudySpec]] = defaultdict(list)  # there may be thousands of others
    for condition in conditions:
        for spec in _study_specs(condition, execution):
            known = similar[spec.task.name, spec.optimizer.name, spec.seed]
            if spec not in known:
                known.append(spec)
                studies.append(spec)
    return Plan(experiment, execution, conditions, tuple(studies))


def validate(plan: Plan) -> None:
    """Check that everything in a plan can be computed on this machine.

    Raises:
        UsageError: if data, the device or hyperparameters are missing, or code outside this package cannot be trained.
    """
    if plan.experiment.requires == Requirement.NOTHING:
        return
    check_device(plan.execution.device)
    check_memory_of(plan)
    for condition in plan.conditions:
        kind = TASKS.load(condition.task.name)
        kind.check(condition.task.options, plan.execution.device, kind.default_dtype)
        _check_source(condition)
        steps = max((runs.steps for runs in condition.part.runs), default=1)
        compute = plan.execution.compute_for(condition.task)
        preflight(condition.task, condition.optimizer, compute, steps)


def check_memory_of(plan: Plan) -> None:
    """Check that everything in a plan fits in the memory that is free here.

    Raises:
        UsageError: with the memory that is needed, and the memory that is free.
    """
    studies = {(study.task.label, study.optimizer.label, study.schedule.name): study for study in plan.studies}
    for study in studies.values():
        check_search_memory(study, plan.execution.cluster)
    conditions = {(condition.task.label, condition.optimizer.label): condition for condition in plan.conditions}
    for condition in conditions.values():
        check_memory(condition.task, condition.optimizer, plan.execution.compute_for(condition.task))


def _check_source(condition: Condition) -> None:
    source, task, optimizer = condition.part.source, condition.part.task, condition.base
    if source != "tuned" and load_optimizer(optimizer).search == "meta-training":
        raise UsageError(
            f"{optimizer.name} must be meta-trained: it has no {source} hyperparameters. "
            f"Write 'hyperparameters: tuned' in the experiment."
        )
    if source == "paper" and fixed_hyperparameters("paper", task, optimizer) is None:
        raise UsageError(
            f"the paper gives no hyperparameters for {optimizer.label} on {task.label}. "
            f"Write 'hyperparameters: tuned' in the experiment."
        )


def _study_specs(condition: Condition, execution: ExecutionConfig) -> list[StudySpec]:
    """Return the searches that tune a condition, by their seeds; none if it is not tuned."""
    if not condition.is_tuned:
        return []
    part = condition.part
    return [
        StudySpec(
            task=part.task,
            optimizer=condition.base,
            schedule=part.schedules[load_optimizer(condition.base).search],
            seed=seed,
            compute=execution.compute_for(part.task),
        )
        for seed in range(part.seed, part.seed + part.searches)
    ]
