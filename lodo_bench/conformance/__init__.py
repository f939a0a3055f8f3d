"""Checks of the rules that every optimizer and task must keep, and the pytest plugin that applies them to any class."""
