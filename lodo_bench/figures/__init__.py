"""Figures, images and comparisons of stored results."""
