"""A task of the user whose memory is exhausted after some steps, which nothing can know beforehand."""

TEXT = '''
import torch

from lodo_bench import Task


class Scarce(Task):
    """Needs 8 terabytes in the sixth step."""

    step_milestone = 10
    default_dtype = "float64"
    state_names = ("_batches",)

    def __init__(self, generators, dtype, options):
        super().__init__(generators, dtype, options)
        self._batches = 0

    @classmethod
    def dimension_for(cls, options):
        return 3

    def initial_point(self):
        return torch.ones(self.population, 3, device=self.device, dtype=self.dtype)

    def next_batch(self):
        self._batches += 1
        if self._batches > 5:
            torch.empty(10**12, dtype=torch.float64)

    def loss_and_gradient(self, x):
        return 0.5 * x.square().sum(1), x.clone()
'''


def scarce_task(place):
    """Write the task into the working directory, and return what names it."""
    (place.work / "scarce.py").write_text(TEXT)
    return "--task", "scarce.py:Scarce"
