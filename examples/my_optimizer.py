"""An optimizer outside the package: tune it, run it and compare it with Adam.

Run it as `python examples/my_optimizer.py`, or from the folder of this file on the command line:

    lodo-bench tune my_optimizer:SignDescent adam --task rosenbrock --schedule smoke
    lodo-bench run my_optimizer:SignDescent adam --task rosenbrock
    lodo-bench report
"""

import lodo_bench
from lodo_bench import HyperparameterSpec


class SignDescent(lodo_bench.Optimizer):
    """Gradient descent on the sign of the gradient, x ← x − α sign(g) (Bernstein et al., 2018)."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 1e-3, "step size α", is_learning_rate=True),)
    complexity = "O(n)"
    reference = "Bernstein et al., ICML 2018"

    def step(self, gradient, oracle):
        """Move every coordinate by the learning rate, against the sign of its gradient."""
        self.x -= self.hyperparameter("learning_rate") * gradient.sign()


if __name__ == "__main__":
    from my_optimizer import SignDescent  # worker processes import it by this name

    lodo_bench.tune("rosenbrock", [SignDescent, "adam"], schedule="smoke", workers=0)
    for optimizer in (SignDescent, "adam"):
        lodo_bench.run(optimizer, "rosenbrock", seeds=2)
    for comparison in lodo_bench.compare("rosenbrock"):
        for label, row in zip(comparison.labels, comparison.rows, strict=True):
            print(label, {milestone.title: f"{loss.mean:.3g}" for milestone, loss in row.losses.items()})
