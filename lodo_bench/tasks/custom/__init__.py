"""Base classes of tasks that are written as a function of named tensors, or as a PyTorch module."""
