"""The code blocks of the documentation, and the comments that say how a test runs them.

A page is a story: its blocks run in their order, in one directory. A block is

- `sh`: commands, one a line, with `\\` at the end of a line that goes on;
- `python`: a program;
- any other language, such as `yaml`: a file, which `<!-- file: NAME -->` in the line before it writes;
- `text`, or indented: neither; formulas, drawings, output.

Commands and programs run as they stand, unless a comment in the line before the block says otherwise:

- `<!-- run: smoke -->`: with the values of `tests/docs/smaller.py`, because the real ones take long;
- `<!-- run: parse -->`: not at all; they must be valid. For what needs a GPU, a cluster, a server, the
  network or trained networks.

`<!-- database: empty -->` at the start of a page leaves out the results that other pages find.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
MODES = ("smoke", "parse")
TEXT = ("text", "")
_COMMENT = re.compile(r"<!--\s*(\w+):\s*(\S+)\s*-->")
_LOOKS_LIKE_CODE = re.compile(r"^(lodo-bench|import|from|python|pip|pytest) ", re.MULTILINE)


class BlockError(Exception):
    """A block that no test runs."""


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str
    mode: str | None = None
    file: str | None = None

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"

    @property
    def commands(self):
        """The commands of an `sh` block, split into words, without comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks(page):
    """The blocks of a page that tests run, parse or write to files.

    Raises:
        BlockError: for a block that is none of these, and looks as if it should be.
    """
    found, notes = [], {}
    for token in MarkdownIt("commonmark").parse(page.read_text("utf-8")):
        if token.type == "html_block":
            notes = dict(_COMMENT.findall(token.content))
        elif token.type in ("fence", "code_block"):
            language = token.info.partition(" ")[0].strip("{}") if token.type == "fence" else ""
            block = Block(page, token.map[0] + 1, language, token.content, notes.get("run"), notes.get("file"))
            if _is_used(block, token.info):
                found.append(block)
        if token.type != "html_block":
            notes = {}
    return found


def _is_used(block, info):
    if block.mode is not None and (block.mode not in MODES or block.language not in ("sh", "python")):
        raise BlockError(f"{block.place}: 'run: {block.mode}' is not for a block of '{block.language}'.")
    if info.startswith("{"):  # of MyST, checked by Sphinx
        return False
    if block.language in TEXT:
        if _LOOKS_LIKE_CODE.search(block.text):
            raise BlockError(f"{block.place}: write commands in a block of sh, and Python in one of python.")
        return False
    if block.language not in ("sh", "python") and block.file is None:
        raise BlockError(f"{block.place}: nothing uses this block. Write <!-- file: NAME --> before it, or 'text'.")
    return True


def starts_empty(page):
    """Whether a page begins without any stored results."""
    return "<!-- database: empty -->" in page.read_text("utf-8")
