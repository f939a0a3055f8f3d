"""Butterfly networks of the drop-in LODO to be compared: the reference in PyTorch, and those of the backends."""

import torch

from lodo_bench.optimizers.lodo.drop_in.butterfly import ButterflyStructure
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import ADAM_BETAS, META_OPTIMIZERS
from lodo_bench.optimizers.lodo.drop_in.structure import Settings

LR, META_LR, BETA = 0.1, 3e-3, 0.9


def build(
    n, layers, k, meta="sign", dtype=torch.float64, kind=ButterflyStructure, device="cpu", preconditioner_dtype="same"
):
    """A network at its start, drawn on the CPU."""
    settings = Settings("butterfly", layers, k, 0, meta, True, preconditioner_dtype)
    state = ButterflyStructure.draw(n, settings, torch.Generator().manual_seed(1), dtype)
    rule = META_OPTIMIZERS[meta]
    for name, shape in rule.shapes(state["weights"].shape, ButterflyStructure.block_axes).items():
        state[name] = torch.zeros(shape, dtype=dtype)
    if preconditioner_dtype == "bfloat16":
        state["weights"] = state["weights"].bfloat16()
    state = {name: value.to(device) for name, value in state.items()}
    state |= {"meta_powers": torch.tensor(ADAM_BETAS, dtype=torch.float64), "step": torch.tensor(5.0)}
    return kind(n, settings, state, torch.zeros(n, dtype=dtype, device=device), 1e-7)


def gradients(n, count, dtype=torch.float64):
    """Random gradients, always the same."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, generator=generator, dtype=dtype) for _ in range(count)]


def assert_equal_to_the_reference(kind, n, layers, k, meta, dtype, device="cpu", preconditioner_dtype="same"):
    """Some steps, whole and in halves, lead to the same points and states as the reference's."""
    reference = build(n, layers, k, meta, dtype, preconditioner_dtype=preconditioner_dtype)
    other = build(n, layers, k, meta, dtype, kind, device, preconditioner_dtype)
    assert type(reference) is not type(other)
    x, y = (torch.zeros(n, dtype=dtype, device=where) for where in ("cpu", device))
    last = 0.0
    for gradient in gradients(n, 4, dtype):
        reference.step(x, gradient, last, META_LR, LR, BETA)
        other.step(y, gradient.to(device), last, META_LR, LR, BETA)
        last = LR
        for structure in (reference, other):
            structure.state["step"] += 1
    (gradient,) = gradients(n, 1, dtype)
    for structure, point in ((reference, x), (other, y)):
        structure.learn(2 * gradient.to(point.device), LR, META_LR)
        structure.move(point, gradient.to(point.device), LR, 0.0)
    tolerance = {"rtol": 1e-9, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-3, "atol": 1e-4}
    torch.testing.assert_close(x, y.cpu(), **tolerance)
    torch.testing.assert_close(reference.momentum, other.momentum.cpu(), **tolerance)
    if dtype == torch.float64:
        for name, tensor in reference.state.items():
            torch.testing.assert_close(tensor, other.state[name].cpu(), **tolerance)
