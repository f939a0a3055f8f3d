"""A task outside the package: a small network that learns a wave from noisy samples.

Run it as `python examples/my_task.py`, or in the folder of this file on the command line:

    lodo-bench tune adam momentum --task ./my_task.py:Wave --schedule smoke
    lodo-bench run adam momentum --task ./my_task.py:Wave
    lodo-bench report
"""

import torch

import lodo_bench
from lodo_bench import Option


class Wave(lodo_bench.FunctionTask):
    """Regression of a sine wave by a network with one hidden layer; noise of variance 0.01 is the lowest loss."""

    options_table = (Option("hidden", "h", "positive-int", 32, "hidden units"),)
    step_milestone = 1000

    @classmethod
    def draw_parameters(cls, options, generator):
        """Draw small random weights."""
        hidden = torch.randn(options["hidden"], 2, generator=generator)
        return {"hidden": hidden, "output": 0.1 * torch.randn(1, options["hidden"], generator=generator)}

    def draw_batch(self, generator):
        """Draw 64 positions and noisy values of the wave there."""
        positions = 6 * torch.rand(64, 1, generator=generator) - 3
        return positions, positions.sin() + 0.1 * torch.randn(64, 1, generator=generator)

    def loss(self, parameters, batch):
        """Return the mean squared error of the network."""
        positions, values = batch
        weight, shift = parameters["hidden"].T
        return ((positions * weight + shift).tanh() @ parameters["output"].T - values).square().mean()


if __name__ == "__main__":
    from my_task import Wave  # the name under which worker processes import it

    lodo_bench.tune(Wave, ["adam", "momentum"], schedule="smoke", workers=0)
    for optimizer in ("adam", "momentum"):
        lodo_bench.run(optimizer, Wave, seeds=2, steps=300)
    for comparison in lodo_bench.compare(Wave):
        for label, row in zip(comparison.labels, comparison.rows, strict=True):
            print(label, {milestone.title: f"{loss.mean:.3g}" for milestone, loss in row.losses.items()})
