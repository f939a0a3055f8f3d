"""Commands of the documentation, parsed without being run."""

import re
from pathlib import Path

from tests.cli.runner import commands
from tests.docs.blocks import ROOT

TARGETS = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def parse(words):
    """Parse a command: that its options exist and have valid values, and targets of `make` are there.

    Raises:
        Exception: of the parser, if it is not valid.
    """
    program, *words = words
    if program == "make":
        unknown = [word for word in words if "=" not in word and word not in TARGETS]
        assert not unknown, f"make has no {unknown}"
    if Path(program).name == "lodo-bench" and words != ["--version"]:
        command, names = commands(), []
        while words and hasattr(command, "commands"):
            names.append(words[0])
            assert words[0] in command.commands, f"there is no command {' '.join(names)}"
            command = command.commands[words.pop(0)]
        if words:  # a command's name alone is the command, not a use of it
            command.make_context(" ".join(names), words)
