"""Hugging Face Accelerate."""

import pytest
import torch

from tests.frameworks.small import SAVED, STEPS, each_preset, learned, lodo
from tests.optimizers.lodo.test_torch_optimizer import batch, equal, network

accelerate = pytest.importorskip("accelerate", reason="Accelerate is not installed; `make test-frameworks` does")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def forget():
    """Accelerate keeps the arguments of a process's first Accelerator."""
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)


class Training:
    def __init__(self, preset, seed=0, **changes):
        self.accelerator = accelerate.Accelerator(cpu=True, **changes)
        model = network(seed, torch.float32)
        optimizer = lodo(model.parameters(), preset)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
        self.model, self.optimizer, self.scheduler = self.accelerator.prepare(model, optimizer, scheduler)

    def train(self, first, last):
        for step in range(first, last):
            with self.accelerator.accumulate(self.model):
                inputs, targets = batch(step, torch.float32)
                loss = (self.model(inputs) - targets).square().mean()
                self.accelerator.backward(loss)
                self.accelerator.clip_grad_norm_(self.model.parameters(), 0.5)
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad()


@pytest.mark.parametrize("changes", [{}, {"gradient_accumulation_steps": 2}, {"mixed_precision": "bf16"}], ids=str)
@each_preset
def test_a_saved_training_resumes(preset, changes, tmp_path):
    steps, saved = 2 * STEPS, 2 * SAVED
    whole, training = Training(preset, **changes), Training(preset, **changes)
    whole.train(0, steps)
    training.train(0, saved)
    training.accelerator.save_state(tmp_path)
    fresh = Training(preset, seed=1, **changes)
    fresh.accelerator.load_state(tmp_path)
    fresh.train(saved, steps)
    assert learned(fresh.optimizer.optimizer)
    assert equal(fresh.model, whole.model)
    assert not equal(training.model, whole.model)
