"""Checks of the installation, the machine, the data sets and the database."""
