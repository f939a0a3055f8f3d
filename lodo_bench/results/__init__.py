"""The results database."""

import logging

# An interrupt during a query makes SQLAlchemy log a traceback, which Python prints where nobody handles the log.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
