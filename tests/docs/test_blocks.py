"""Every block of the documentation runs; see `tests/docs/blocks.py` for the comments that say how."""

import shutil
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, blocks, starts_empty
from tests.docs.page import DATABASE, Page

FILES = Path(__file__).parent / "files"


@pytest.fixture
def page(request, tmp_path, results):
    page = Page(tmp_path)
    for folder in (ROOT / "examples", FILES):
        shutil.copytree(folder, page.work, dirs_exist_ok=True)
    if not starts_empty(request.param):
        shutil.copytree(results, page.work / "results")
        for name in ("laptop.db", "other.db", "server.db"):
            shutil.copy(page.work / DATABASE, page.work / name)
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
