"""Optimizers of torch.optim's interface as optimizers of this package, and their search spaces."""
