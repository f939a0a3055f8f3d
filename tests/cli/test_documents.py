"""The documents: every command in them parses, and every relative link leads to a file."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from lodo_bench.cli.app import app

ROOT = Path(__file__).parents[2]
PATTERNS = ("*.md", "docs/*.md", "results/**/*.md", "benchmarks/**/*.md")
PAGES = [page for pattern in PATTERNS for page in ROOT.glob(pattern)]
PLACEHOLDERS = re.compile(r"\.\.\.|\||\b[A-Z]{2,}\b(?!=)")


def commands(text):
    """The commands of a page, in indented blocks and in code spans, without those that have placeholders."""
    text = text.replace("\\\n", " ")
    found = re.findall(r"^ {4,}lodo-bench (.*)$", text, flags=re.M) + re.findall(r"`lodo-bench ([^`]+)`", text)
    return [command for command in found if not PLACEHOLDERS.search(command.partition("#")[0])]


def parse(words):
    """Parse the arguments without running the command."""
    command, names = typer.main.get_command(app), []
    while words and hasattr(command, "commands"):
        names.append(words[0])
        command = command.commands[words.pop(0)]
    if words:
        command.make_context(" ".join(names), words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_parse_and_its_links_exist(page):
    text = page.read_text("utf-8")
    for command in commands(text):
        parse([word for word in shlex.split(command, comments=True) if word != "--version"])
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (page.parent / target).exists(), target


def test_a_wrong_command_is_found():
    with pytest.raises(Exception, match="kernel"):
        parse(["run", "adam", "--kernel", "torch"])
