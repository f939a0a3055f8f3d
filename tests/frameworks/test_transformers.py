"""The Trainer of transformers, on a tiny random model."""

import pytest
import torch

import lodo_bench
from tests.frameworks.small import RATES, SAVED, STEPS, each_preset, learned, lodo
from tests.optimizers.lodo.test_torch_optimizer import equal

transformers = pytest.importorskip("transformers", reason="transformers is not installed; `make test-frameworks` does")
pytestmark = pytest.mark.filterwarnings("ignore")


def model(seed=0):
    torch.manual_seed(seed)
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=16, n_positions=8, n_embd=8, n_layer=1, n_head=2)
    )


def trainer(folder, of, **changes):
    tokens = torch.randint(16, (4 * STEPS, 8), generator=torch.Generator().manual_seed(0))
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=STEPS, per_device_train_batch_size=4, save_steps=SAVED, report_to="none",
        use_cpu=True, disable_tqdm=True, lr_scheduler_type="linear", warmup_steps=2, learning_rate=RATES["lr"],
    )  # fmt: skip
    data = [{"input_ids": row, "labels": row} for row in tokens]
    return transformers.Trainer(of, arguments, train_dataset=data, **changes)


@pytest.mark.parametrize("made_by", ["us", "the Trainer"])
@each_preset
def test_a_saved_training_resumes(preset, made_by, tmp_path):
    def fit(of, folder, start=None):
        if made_by == "us":
            optimizer = lodo(of.parameters(), preset)
            changes = {"optimizers": (optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5))}
        else:
            changes = {"optimizer_cls_and_kwargs": (lodo_bench.LODO, {"preset": preset, **RATES})}
        fitted = trainer(folder, of, **changes)
        fitted.train(resume_from_checkpoint=start)
        return fitted

    whole, fresh = model(), model(seed=1)
    fit(whole, tmp_path / "whole")
    resumed = fit(fresh, tmp_path / "resumed", str(tmp_path / "whole" / f"checkpoint-{SAVED}"))
    assert resumed.state.global_step == STEPS
    optimizer = resumed.optimizer
    assert learned(getattr(optimizer, "optimizer", optimizer))
    assert equal(fresh, whole)
    assert not equal(whole, model())
