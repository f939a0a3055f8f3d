"""Lightning's Trainer."""

import pytest
import torch

from tests.frameworks.small import RATES, SAVED, STEPS, each_preset, learned, lodo
from tests.optimizers.lodo.test_torch_optimizer import batch, equal, network

lightning = pytest.importorskip("lightning", reason="Lightning is not installed; `make test-frameworks` does")
ModelCheckpoint = pytest.importorskip("lightning.pytorch.callbacks").ModelCheckpoint
pytestmark = pytest.mark.filterwarnings("ignore")


class Module(lightning.LightningModule):
    def __init__(self, preset, seed=0):
        super().__init__()
        self.preset, self.network = preset, network(seed, torch.float32)

    def training_step(self, given, number):
        inputs, targets = given
        return (self.network(inputs) - targets).square().mean()

    def configure_optimizers(self):
        optimizer = lodo(self.parameters(), self.preset)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def fit(folder, model, start=None, **changes):
    """Train for two epochs, or for the second from a checkpoint that was saved after the first."""
    batches = [batch(step, torch.float32) for step in range(SAVED)]
    saving = ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)
    trainer = lightning.Trainer(
        accelerator="cpu", devices=1, max_epochs=STEPS // SAVED, callbacks=[saving], default_root_dir=folder,
        logger=False, enable_progress_bar=False, enable_model_summary=False, **changes,
    )  # fmt: skip
    trainer.fit(model, torch.utils.data.DataLoader(batches, batch_size=None), ckpt_path=start)
    return trainer.optimizers[0]


@pytest.mark.parametrize("changes", [{}, {"gradient_clip_val": 0.1}, {"accumulate_grad_batches": 2}], ids=str)
@each_preset
def test_a_saved_training_resumes(preset, changes, tmp_path):
    whole, fresh = Module(preset), Module(preset, seed=1)
    first = fit(tmp_path / "whole", whole, **changes)
    second = fit(tmp_path / "resumed", fresh, tmp_path / "whole" / "epoch=0.ckpt", **changes)
    assert learned(second)
    assert equal(fresh, whole)
    assert not equal(whole, Module(preset))
    assert first.param_groups[0]["lr"] == second.param_groups[0]["lr"] < RATES["lr"]
    assert second.param_groups[0]["preset"] == preset
