"""Every block of the documentation runs; see `tests/docs/blocks.py` for the comments that say how."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, blocks, starts_empty
from tests.docs.page import DATABASE, Page

FILES = Path(__file__).parent / "files"


def copy_database(source, target):
    """Copy a database with what SQLite still has in its log."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@pytest.fixture
def page(request, tmp_path, results):
    page = Page(tmp_path)
    for folder in (ROOT / "examples", FILES):
        shutil.copytree(folder, page.work, dirs_exist_ok=True)
    if not starts_empty(request.param):
        shutil.copytree(results, page.work / "results")
        for name in ("laptop.db", "other.db", "server.db"):
            copy_database(page.work / DATABASE, page.work / name)
    return page, request.param


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem, indirect=True)
def test_the_blocks_of_a_page_run(page, capsys):
    place, file = page
    found = blocks(file)
    for block in found:
        if block.file is not None:
            place.write(block)
    for block in found:
        place.block(block)
