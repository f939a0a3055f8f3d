"""Commands that pages already use, and that do not exist yet: delete this file with the last of them."""

PENDING = (
    "lodo-bench doctor",
    "lodo-bench init",
    "lodo-bench watch",
    "lodo-bench serve",
    "tune --seeds",
    "run --fair-clock",
    "report --at",
    "report --optimizer",
)


def is_pending(words):
    """Whether a command needs what is not there yet; `--db` twice is an error until reports read several databases."""
    return any(set(entry.split()) <= set(words) for entry in PENDING) or words.count("--db") > 1
