"""Faster implementations of what tasks and optimizers compute, one folder for each library they are written with."""
