"""The Ray engine: Ray Tune places the workers on a cluster, and replaces those that are lost.

Nothing is imported here, as the dispatcher's process needs no PyTorch.
"""
