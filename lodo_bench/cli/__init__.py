"""The command line: one command in each file, `app.py` the root."""
