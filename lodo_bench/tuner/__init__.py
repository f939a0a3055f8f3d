"""Hyperparameter search: the paper's genetic search and meta-training, in one process or on a Ray cluster."""
