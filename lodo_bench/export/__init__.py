"""Tables of stored results for other programs."""
