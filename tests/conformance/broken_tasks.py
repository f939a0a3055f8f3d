"""A task that keeps every rule, and others that break one each."""

import torch

from lodo_bench import Option, Task
from lodo_bench.seeding import draw_normal


class Sphere(Task):
    """A sphere around a random center, another one at every batch."""

    options_table = (Option("dimension", "n", "positive-int", 4, "number of parameters"),)
    step_milestone = 100
    default_dtype = "float64"
    metric_interval = 10
    state_names = ("_generators", "_center")

    def __init__(self, generators, dtype, options):
        super().__init__(generators, dtype, options)
        self._generators = list(generators)
        self.next_batch()

    @classmethod
    def dimension_for(cls, options):
        return int(cls.with_defaults(options)["dimension"])

    def initial_point(self):
        return torch.ones(self.population, self.dimension, dtype=self.dtype)

    def next_batch(self):
        self._center = draw_normal(self._generators, torch.empty(self.population, self.dimension, dtype=self.dtype))

    def loss_and_gradient(self, x):
        offset = x - self._center
        return 0.5 * offset.square().sum(1), offset

    def validation_metrics(self, x):
        return {"distance": x.norm(dim=1)}


class MeanLoss(Sphere):
    def loss_and_gradient(self, x):
        loss, gradient = super().loss_and_gradient(x)
        return loss.mean(), gradient


class AlwaysDouble(Sphere):
    def loss_and_gradient(self, x):
        loss, gradient = super().loss_and_gradient(x)
        return loss.double(), gradient


class UnseededBatches(Sphere):
    def next_batch(self):
        self._center = torch.randn(self.population, self.dimension, dtype=self.dtype)


class UnseededStart(Sphere):
    def __init__(self, generators, dtype, options):
        super().__init__(generators, dtype, options)
        self._start = torch.randn(self.population, self.dimension, dtype=dtype)

    def initial_point(self):
        return self._start.clone()


class OneGenerator(Sphere):
    def next_batch(self):
        self._center = torch.randn(self.population, self.dimension, dtype=self.dtype, generator=self._generators[0])


class MovingX(Sphere):
    def loss_and_gradient(self, x):
        x.sub_(self._center)
        return 0.5 * x.square().sum(1), x.clone()


class DrawingAtCalls(Sphere):
    def loss_and_gradient(self, x):
        self.next_batch()
        return super().loss_and_gradient(x)


class OneBuffer(Sphere):
    def loss_and_gradient(self, x):
        self._buffer = getattr(self, "_buffer", torch.empty_like(x))
        torch.sub(x, self._center, out=self._buffer)
        return 0.5 * self._buffer.square().sum(1), self._buffer


class OneStart(Sphere):
    def __init__(self, generators, dtype, options):
        super().__init__(generators, dtype, options)
        self._start = super().initial_point()

    def initial_point(self):
        return self._start


class TwiceTheSlope(Sphere):
    def loss_and_gradient(self, x):
        loss, gradient = super().loss_and_gradient(x)
        return loss, 2 * gradient


class GeneratorsNotSaved(Sphere):
    def __init__(self, generators, dtype, options):
        self._drawing = [torch.Generator().manual_seed(generator.initial_seed()) for generator in generators]
        super().__init__(generators, dtype, options)

    def next_batch(self):
        self._center = draw_normal(self._drawing, torch.empty(self.population, self.dimension, dtype=self.dtype))


class DrawingMetrics(Sphere):
    def validation_metrics(self, x):
        return {
            "probe": draw_normal(self._generators, torch.empty(self.population, dtype=self.dtype).unsqueeze(1))[:, 0]
        }


class UnannouncedMetrics(Sphere):
    metric_interval = None


class OneMetricForAll(Sphere):
    def test_metrics(self, x):
        return {"test_loss": x.mean()}


class SecretlyRandom(Sphere):
    @classmethod
    def is_random(cls, options):
        return False
