"""Implementations of the heavy arithmetic, and which one is used."""
