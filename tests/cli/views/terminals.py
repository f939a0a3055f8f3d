"""A pseudo-terminal, and what a program writes there."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).parents[3]


def on_terminal(module, columns, **environment):
    """Return the bytes that `python -m module` writes to a terminal of this width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    foreign = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        env={**kept, "TERM": "xterm", "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
    )
    os.close(slave)
    written = written_on(master)
    assert process.wait() == 0
    return written


def written_on(master):
    """Return the bytes that programs write on a terminal until the last of them has ended, and close it."""
    written = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            break
        if not part:
            break
        written += part
    os.close(master)
    return written


def plain_lines(written, encoding="utf-8"):
    """Return the lines without styles."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.decode(encoding)).replace("\r\n", "\n").splitlines()
