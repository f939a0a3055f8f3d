"""A plain PyTorch loop, as anybody would write it, on the problems and with the seeds of this package."""

import numpy as np
import torch

from lodo_bench.optimizers import load_optimizer
from lodo_bench.seeding import optimizer_generators
from lodo_bench.tasks.build import build_task


def plain_losses(spec, arguments, on_step=lambda step, optimizer, parameters: None):
    """Return the losses of the first individual in a plain loop; the class is called with `arguments`."""
    task = build_task(spec)
    cls = load_optimizer(spec.optimizer).torch_class
    parameters = []
    for part, tensor in zip(task.initial_point()[0].split([t.size for t in task.tensors]), task.tensors, strict=True):
        parameters.append(torch.nn.Parameter(part.view(tensor.shape).clone()))
    seed = int(torch.randint(2**31, (), generator=optimizer_generators(spec)[0]))
    torch.manual_seed(seed)
    np.random.set_bit_generator(np.random.MT19937(seed))
    optimizer = cls(parameters, **arguments)
    losses = []

    def evaluate():
        x = torch.cat([p.detach().flatten() for p in parameters]).unsqueeze(0)
        (loss,), (gradient,) = task.loss_and_gradient(x)
        for p, part in zip(parameters, gradient.split([p.numel() for p in parameters]), strict=True):
            p.grad = part.view(p.shape).clone()
        return loss

    for step in range(spec.steps):
        task.next_batch()
        losses.append(evaluate().item())
        on_step(step, optimizer, parameters)
        optimizer.step(evaluate) if cls is torch.optim.LBFGS else optimizer.step()
        optimizer.zero_grad()
    return losses
