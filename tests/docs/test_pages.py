"""The pages: every command in them parses, every relative link leads to a file, and every block is used."""

import re
import shlex

import pytest

import lodo_bench
from tests.docs.blocks import PAGES, ROOT, BlockError, blocks
from tests.docs.commands import parse

PATTERNS = ("*.md", "docs/*.md", "results/**/*.md", "benchmarks/**/*.md")
ALL = [page for pattern in PATTERNS for page in ROOT.glob(pattern)]
PLACEHOLDERS = re.compile(r"\.\.\.|\||(?<=\s)[A-Z]+\b(?!=)|\b[A-Z]{2,}\b(?!=)")


def loose_commands(text):
    """The commands in code spans and indented blocks, without those that have placeholders."""
    text = text.replace("\\\n", " ")
    found = re.findall(r"^ {4,}(lodo-bench .*)$", text, re.MULTILINE) + re.findall(r"`(lodo-bench [^`]+)`", text)
    return [shlex.split(line, comments=True) for line in found if not PLACEHOLDERS.search(line.partition("#")[0])]


def write(folder, text):
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    return page


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_parse_and_its_links_exist(page):
    text = page.read_text("utf-8")
    found = blocks(page) if page in PAGES else []
    in_blocks = [words for block in found if block.language == "sh" for words in block.commands]
    for words in loose_commands(text) + in_blocks:
        parse(words)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("words", [("run", "adam", "--kernel", "torch"), ("runn", "adam"), ("list", "tasks", "--wid")])
def test_a_wrong_command_is_found(words):
    with pytest.raises(Exception, match=r"kernel|runn|wid"):
        parse(["lodo-bench", *words])


def test_a_target_that_make_lacks_is_found():
    parse(["make", "setup", "TORCH=cuda"])
    with pytest.raises(AssertionError, match="install"):
        parse(["make", "install"])


@pytest.mark.parametrize(
    "text",
    [
        "Text\n\n    lodo-bench report\n",
        "```\nlodo-bench report\n```\n",
        "```text\nimport lodo_bench\n```\n",
        "```yaml\ntitle: Unused\n```\n",
        "```bash\nlodo-bench report\n```\n",
        "<!-- run: never -->\n```sh\nlodo-bench report\n```\n",
        "<!-- run: smoke -->\n```yaml\ntitle: Not to run\n```\n",
    ],
)
def test_a_block_that_no_test_runs_is_an_error(tmp_path, text):
    with pytest.raises(BlockError, match=r"page\.md"):
        blocks(write(tmp_path, text))


def test_comments_before_a_block_say_how_it_runs(tmp_path):
    text = (
        "<!-- run: parse -->\n```sh\nlodo-bench report  # all\nlodo-bench run \\\n  adam\n```\n\nText\n\n"
        "```python\nprint(1)\n```\n\n<!-- file: a.yaml -->\n```yaml\na: 1\n```\n\n```text\nx = 1\n```\n"
    )
    first, second, third = blocks(write(tmp_path, text))
    assert (first.mode, first.commands) == ("parse", [["lodo-bench", "report"], ["lodo-bench", "run", "adam"]])
    assert (second.mode, second.language, second.text) == (None, "python", "print(1)\n")
    assert (third.file, third.text) == ("a.yaml", "a: 1\n")


def test_every_page_is_in_the_table_of_contents():
    listed = re.findall(r"^[\w-]+$", (ROOT / "docs" / "index.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.stem for page in PAGES if page.name not in ("README.md", "index.md"))


def test_every_public_name_is_in_the_reference():
    text = (ROOT / "docs" / "python-reference.md").read_text("utf-8")
    assert sorted(re.findall(r"auto\w+:: lodo_bench\.(\w+)", text)) == sorted(lodo_bench.__all__)
