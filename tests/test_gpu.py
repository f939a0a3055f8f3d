"""On a GPU, tasks and optimizers compute what they compute on a CPU; skipped where there is none."""

import pytest
import torch
from torch.overrides import TorchFunctionMode

import lodo_bench
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.outcome import Status
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from tests.helpers import small_task, training_spec, varied_individual

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
    # PyTorch's, at the first matrix product in a thread of the backward pass; harmless.
    pytest.mark.filterwarnings("ignore:Attempting to run cuBLAS"),
]

PRESETS = ["light", "paper", "diagonal"]
OF_VECTORS = [name for name in OPTIMIZERS.names if "matrices" not in OPTIMIZERS.load(name).needs]
TOLERANCE = {"float64": {"rtol": 1e-5, "atol": 1e-9}, "float32": {"rtol": 2e-3, "atol": 1e-4}}


class DrawnOnCpu(TorchFunctionMode):
    """Draws all random numbers on the CPU, as GPUs draw others from the same seeds."""

    def __init__(self):
        super().__init__()
        self._twins = {}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        generator = kwargs.get("generator")
        if generator is None or generator.device.type == "cpu":
            return function(*args, **kwargs)
        if generator not in self._twins:
            self._twins[generator] = torch.Generator().manual_seed(generator.initial_seed())
        kwargs = {**kwargs, "generator": self._twins[generator]}
        if args and isinstance(args[0], torch.Tensor):  # in place
            drawn = function(torch.empty_like(args[0], device="cpu"), *args[1:], **kwargs)
            return args[0].copy_(drawn)
        out = kwargs.pop("out", None)
        drawn = function(*args, **{**kwargs, "device": "cpu"}).to(generator.device)
        return drawn if out is None else out.copy_(drawn)


def trained(optimizer, task, device, dtype="float64", steps=20):
    kinds = OPTIMIZERS.load(optimizer), TASKS.load(task)
    population = min(kind.max_population or 3 for kind in kinds)
    individuals = tuple(varied_individual(optimizer, index) for index in range(population))
    spec = training_spec(
        optimizer, small_task(task), individuals=individuals, steps=steps, device=device, dtype=dtype, backend="auto"
    )
    with DrawnOnCpu():
        outcomes = train(spec)
    assert [outcome.reason for outcome in outcomes if outcome.status is not Status.COMPLETED] == []
    return [torch.as_tensor(outcome.curve.losses) for outcome in outcomes]


@pytest.mark.parametrize("task", ["quadratic", "rosenbrock"])
@pytest.mark.parametrize("optimizer", OF_VECTORS)
def test_an_optimizer_takes_the_steps_it_takes_on_a_cpu(optimizer, task):
    for ours, expected in zip(*(trained(optimizer, task, device) for device in ("cuda", "cpu")), strict=True):
        torch.testing.assert_close(ours, expected, **TOLERANCE["float64"])


@pytest.mark.parametrize("task", TASKS.names)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_task_trains_as_on_a_cpu(task, dtype):
    for ours, expected in zip(*(trained("adam", task, device, dtype, 5) for device in ("cuda", "cpu")), strict=True):
        torch.testing.assert_close(ours, expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("optimizer", OF_VECTORS)
def test_a_training_repeats_itself(optimizer):
    first, second = (trained(optimizer, "rosenbrock", "cuda") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_drop_in_resumes_on_a_gpu_what_it_began_on_a_cpu(preset):
    model, other = network(), network().cuda()
    optimizer = lodo_bench.LODO(model.parameters(), preset=preset, meta_lr=1e-3)
    descend(model, optimizer, 10)
    other.load_state_dict(model.state_dict())
    resumed = lodo_bench.LODO(other.parameters(), preset=preset)
    resumed.load_state_dict(optimizer.state_dict())
    descend(model, optimizer, 10)
    descend(other, resumed, 10)
    for ours, expected in zip(other.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.detach().cpu(), expected.detach(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_drop_in_repeats_itself_on_a_gpu(preset):
    models = [network().cuda() for _ in range(2)]
    for model in models:
        descend(model, lodo_bench.LODO(model.parameters(), preset=preset), 10)
    assert all(torch.equal(a, b) for a, b in zip(*(model.parameters() for model in models), strict=True))


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.Tanh(), torch.nn.Linear(30, 3)).double()


def descend(model, optimizer, steps):
    generator = torch.Generator().manual_seed(3)
    device = next(model.parameters()).device
    for _ in range(steps):
        inputs, outputs = torch.randn(8, 20, generator=generator), torch.randn(8, 3, generator=generator)
        optimizer.zero_grad()
        (model(inputs.double().to(device)) - outputs.double().to(device)).square().mean().backward()
        optimizer.step()
