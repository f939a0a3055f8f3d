from typing import final

from lodo_bench import HyperparameterSpec, Optimizer


@final
class MyOptimizer(Optimizer):
    """Gradient descent."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),)
    complexity = "O(n)"
    reference = "Cauchy 1847"

    def init_state(self, generators):
        pass

    def step(self, gradient, oracle):
        self.x.sub_(self.hyperparameter("learning_rate") * gradient)
