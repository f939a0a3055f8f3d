"""Rendering of results on the terminal and as JSON; imported only after a command has been parsed."""
