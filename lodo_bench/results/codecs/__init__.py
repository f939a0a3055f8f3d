"""Conversions between the plain records of `lodo_bench.spec` and the rows of the results database."""
