"""Optimizers of PyTorch, and of packages that follow its interface, as optimizers of this package."""
