"""An optimizer that keeps every rule, and others that break one each."""

import torch

from lodo_bench import HyperparameterSpec, Optimizer

RATE = HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True)


class Sound(Optimizer):
    """Momentum."""

    hyperparameters = (RATE, HyperparameterSpec("momentum", "beta", "decay", 0.9, "decay of the momentum"))
    complexity = "O(n)"
    reference = "Polyak, 1964"
    state_names = ("_momentum",)

    def init_state(self, generators):
        self._momentum = torch.zeros_like(self.x)

    def step(self, gradient, oracle):
        self._momentum.mul_(self.hyperparameter("momentum")).add_(gradient)
        self.x.sub_(self.hyperparameter("learning_rate") * self._momentum)


class Plain(Optimizer):
    """Gradient descent, whose `update` the others change."""

    hyperparameters = (RATE,)
    complexity = "O(n)"
    reference = "Cauchy, 1847"

    def init_state(self, generators):
        pass

    def update(self, gradient, oracle):
        return gradient

    def step(self, gradient, oracle):
        self.x.sub_(self.hyperparameter("learning_rate") * self.update(gradient, oracle))


class TwoHyperparametersOfOneName(Plain):
    hyperparameters = (RATE, HyperparameterSpec("decay", "lr", "decay", 0.9, "decay"))


class DefaultOutOfRange(Plain):
    hyperparameters = (RATE, HyperparameterSpec("decay", "d", "decay", 1.0, "decay"))


class Replacing(Plain):
    def step(self, gradient, oracle):
        self.x = self.x - self.hyperparameter("learning_rate") * gradient


class Standing(Plain):
    def step(self, gradient, oracle):
        pass


class Modifying(Plain):
    def update(self, gradient, oracle):
        return gradient.clamp_(-1e-3, 1e-3)


class Keeping(Plain):
    state_names = ("_last",)

    def init_state(self, generators):
        self._last = torch.zeros_like(self.x)

    def update(self, gradient, oracle):
        sum_of_both = gradient + self._last
        self._last = gradient
        return sum_of_both


class Uncounted(Plain):
    def update(self, gradient, oracle):
        return gradient + oracle._task.loss_and_gradient(self.x - gradient)[1]


class Widening(Plain):
    def step(self, gradient, oracle):
        self.x = self.x.double() - gradient


class Noisy(Plain):
    def update(self, gradient, oracle):
        return gradient + torch.randn_like(gradient)


class Shared(Plain):
    steps = 0

    def update(self, gradient, oracle):
        Shared.steps += 1
        return gradient / Shared.steps


class Normalizing(Plain):
    def update(self, gradient, oracle):
        return gradient / gradient.norm()


class Forgetful(Plain):
    def init_state(self, generators):
        self._steps = 0

    def update(self, gradient, oracle):
        self._steps += 1
        return gradient / self._steps


class Unsavable(Plain):
    state_names = ("_seen",)

    def init_state(self, generators):
        self._seen = {1, 2}


class Refusing(Plain):
    def update(self, gradient, oracle):
        if not gradient.isfinite().all():
            raise FloatingPointError("diverged")
        return gradient


class Skipping(Plain):
    def update(self, gradient, oracle):
        return gradient if gradient.isfinite().all() else torch.zeros_like(gradient)


class Dividing(Plain):
    def update(self, gradient, oracle):
        return gradient / (gradient - gradient)


class SecretlyRandom(Plain):
    is_random = False

    def init_state(self, generators):
        self._factors = torch.stack([torch.rand(1, generator=g, dtype=self.x.dtype) for g in generators])

    def update(self, gradient, oracle):
        return gradient * self._factors
