"""The choice of a backend, and threads."""
