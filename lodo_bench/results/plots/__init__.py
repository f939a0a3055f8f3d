"""Figures, one kind in each file; pure functions of stored values and arrays.

`lodo_bench.results.plots.style.save` writes a figure to a file. No figure is registered with pyplot, so none needs to
be closed, and none opens a window.
"""
