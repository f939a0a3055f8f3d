"""Compares stored runs: groups them, scores them, tests them."""
