import math

import numpy as np
import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.tasks import TASKS, task_spec
from lodo_bench.tasks.data.bundled import load_manual
from lodo_bench.tasks.networks.transformer import Transformer
from lodo_bench.training.validation import check_task
from tests.helpers import generators, small_task

NAME = "char-transformer"
CharTransformer = TASKS.load(NAME)


def build(seed=0, dtype=torch.float64, **options):
    return CharTransformer(generators([seed]), dtype, options)


def small(**options):
    return build(**{**small_task(NAME).options, **options})


def test_its_number_of_parameters():
    vocabulary, width, depth, context = 85, 64, 4, 64
    block = 12 * width**2 + 13 * width
    total = (vocabulary + context) * width + depth * block + 2 * width + (width + 1) * vocabulary
    assert CharTransformer.dimension_for({}) == total == 215_125
    assert f"{total:,}" in CharTransformer.__doc__
    assert 700_000 < CharTransformer.dimension_for({"width": 128}) < 1_000_000


def test_roles():
    roles = {spec.name: spec.role for spec in CharTransformer.specs({"depth": 1})}
    assert {name for name, role in roles.items() if role == "embedding"} == {"token.weight", "position.weight"}
    assert {name for name, role in roles.items() if role == "head"} == {"head.weight"}
    assert {name for name, role in roles.items() if role == "matrix"} == {
        f"blocks.0.{part}.weight"
        for part in ("attention.query", "attention.key", "attention.value", "attention.output", "expand", "contract")
    }


def test_an_untrained_network_has_about_the_loss_of_a_guess():
    task = build(dtype=torch.float32)
    x = task.initial_point()
    expected = math.log(len(set(load_manual())))
    assert task.loss_and_gradient(x)[0].item() == pytest.approx(expected, abs=0.05)
    assert task.validation_metrics(x)["validation_loss"].item() == pytest.approx(expected, abs=0.05)


def test_a_prediction_does_not_see_what_comes_after():
    module = Transformer(tokens=9, context=6, width=8, depth=2, heads=2).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    reference = module(tokens)
    for position in range(6):
        other = tokens.clone()
        other[0, position] = 7
        changed = (module(other) != reference).any(2)[0]
        assert changed.tolist() == [False] * position + [True] * (6 - position)


def normalize(signal, gain, shift):
    centered = signal - signal.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5) * gain + shift


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def by_numpy(module, tokens, heads):
    """Logits of the network for one sequence, head by head and position by position."""
    p = {name: value.detach().numpy() for name, value in module.named_parameters()}
    signal = p["token.weight"][tokens] + p["position.weight"][: len(tokens)]
    for block in range(len(module.blocks)):

        def linear(name, z, block=block):
            return z @ p[f"blocks.{block}.{name}.weight"].T + p[f"blocks.{block}.{name}.bias"]

        def norm(name, z, block=block):
            return normalize(z, p[f"blocks.{block}.{name}.weight"], p[f"blocks.{block}.{name}.bias"])

        z = norm("attention_norm", signal)
        query, key, value = (np.split(linear(f"attention.{n}", z), heads, 1) for n in ("query", "key", "value"))
        mixed = np.zeros_like(z)
        size = z.shape[1] // heads
        for head in range(heads):
            for t in range(len(tokens)):
                scores = query[head][t] @ key[head][: t + 1].T / size**0.5
                mixed[t, head * size : (head + 1) * size] = softmax(scores) @ value[head][: t + 1]
        signal = signal + linear("attention.output", mixed)
        hidden = linear("expand", norm("perceptron_norm", signal))
        gelu = hidden / 2 * (1 + np.vectorize(math.erf)(hidden / 2**0.5))
        signal = signal + linear("contract", gelu)
    return normalize(signal, p["norm.weight"], p["norm.bias"]) @ p["head.weight"].T + p["head.bias"]


def test_the_network_is_that_of_the_formulas():
    torch.manual_seed(0)
    module = Transformer(tokens=9, context=6, width=8, depth=2, heads=2).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    tokens = [[1, 2, 3, 1, 0], [8, 8, 7, 6, 5]]
    expected = np.stack([by_numpy(module, sequence, 2) for sequence in tokens])
    np.testing.assert_allclose(module(torch.tensor(tokens)).detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_the_gradient_matches_central_differences():
    task = small()
    task.next_batch()
    x = task.initial_point() * 5
    _, gradient = task.loss_and_gradient(x)
    for entry in torch.randint(task.dimension, (25,), generator=torch.Generator().manual_seed(0)).tolist():
        step = torch.zeros_like(x)
        step[0, entry] = 1e-5
        ahead, behind = (task.loss_and_gradient(x + sign * step)[0] for sign in (1, -1))
        assert gradient[0, entry].item() == pytest.approx(((ahead - behind) / 2e-5).item(), rel=1e-5, abs=1e-8)


def test_batches_are_pieces_of_the_training_text(tmp_path):
    path = tmp_path / "abc.txt"
    text = "the cat sat on the mat; " * 5 + "zebra?"
    path.write_text(text)
    task = small(text=str(path), context=5)
    characters = sorted(set(text))
    assert task.dimension == CharTransformer.dimension_for({**task.options})
    for _ in range(5):
        task.next_batch()
        for row in task._batches.batch.tolist():
            assert "".join(characters[number] for number in row) in text[: len(text) * 9 // 10]


def test_validation_predicts_each_character_of_the_last_tenth_once(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("".join(chr(97 + i % 26) for i in range(310)))
    task = small(text=str(path), context=6)
    windows = task._validation
    assert windows[:, 1:].flatten().tolist() == [(279 + i) % 26 for i in range(1, 31)]
    assert windows[:, 0].tolist() == [(279 + 6 * i) % 26 for i in range(5)]
    x = task.initial_point() * 10
    losses = [task.loss(task.module, window[None]).item() for window in windows if task._use(x) is None]
    assert task.validation_metrics(x)["validation_loss"].item() == pytest.approx(np.mean(losses), rel=1e-12)


def test_conflicting_options_are_refused(tmp_path):
    with pytest.raises(UsageError, match="width = 10 of char-transformer is not a multiple of heads = 4"):
        task_spec(NAME, {"width": 10})
    path = tmp_path / "short.txt"
    path.write_text("too short")
    with pytest.raises(UsageError, match="too short for context = 64: its last tenth has 1 characters: must be"):
        check_task(task_spec(NAME, {"text": str(path)}), "cpu", "float32")
    path.write_text("")
    with pytest.raises(UsageError, match="is empty"):
        check_task(task_spec(NAME, {"text": str(path)}), "cpu", "float32")
