"""An optimizer outside the package: tune it, run it and compare it with Adam.

Run it as `python examples/my_optimizer.py`, or in the folder of this file on the command line:

    lodo-bench tune ./my_optimizer.py:SignMomentum torch.optim.AdamW adam --task rosenbrock --schedule smoke
    lodo-bench run ./my_optimizer.py:SignMomentum torch.optim.AdamW adam --task rosenbrock
    lodo-bench report
"""

import torch

import lodo_bench
from lodo_bench import HyperparameterSpec


class SignMomentum(lodo_bench.Optimizer):
    """Sign descent with momentum: m <- β m + (1 − β) g, x <- x − lr sign(m)."""

    hyperparameters = (
        HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),
        HyperparameterSpec("momentum", "beta", "decay", 0.9, "decay β of the momentum"),
    )
    complexity = "O(n)"
    reference = "Bernstein et al., ICML 2018"
    state_names = ("_momentum",)

    def init_state(self, generators):
        """Start without momentum."""
        self._momentum = torch.zeros_like(self.x)

    def step(self, gradient, oracle):
        """Average the gradients, and move each coordinate by the learning rate."""
        self._momentum.lerp_(gradient, 1 - self.hyperparameter("momentum"))
        self.x.sub_(self.hyperparameter("learning_rate") * self._momentum.sign())


if __name__ == "__main__":
    from my_optimizer import SignMomentum  # the name under which worker processes import it

    lodo_bench.tune("rosenbrock", [SignMomentum, "adam"], schedule="smoke", workers=0)
    for optimizer in (SignMomentum, "adam"):
        lodo_bench.run(optimizer, "rosenbrock", seeds=2)
    for comparison in lodo_bench.compare("rosenbrock"):
        for label, row in zip(comparison.labels, comparison.rows, strict=True):
            print(label, {milestone.title: f"{loss.mean:.3g}" for milestone, loss in row.losses.items()})
