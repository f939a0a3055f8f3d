"""lodo-bench tunes, times and compares gradient optimizers; see the README for the command line."""

__version__ = "0.1.0"
