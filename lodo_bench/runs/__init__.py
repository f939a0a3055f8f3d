"""Final runs."""
