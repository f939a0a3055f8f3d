"""Code that Numba compiles for CPUs."""
