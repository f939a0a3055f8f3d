"""The library behind the command line: requests, and the functions that carry them out."""
