"""A small web server for one page."""
