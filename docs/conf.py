"""Settings of Sphinx for the documentation; `make docs` builds it."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

import lodo_bench

project = "lodo-bench"
version = release = lodo_bench.__version__
html_title = f"lodo-bench {version}"
html_theme = "furo"
html_show_copyright = False
html_extra_path = ["schemas"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3  # as GitHub makes them
highlight_language = "none"  # formulas and output have no language; code names its own
default_role = "code"  # docstrings write code in single backticks, as Markdown does
autodoc_typehints = "none"  # arguments are described in words, with their units
autodoc_member_order = "bysource"
napoleon_use_ivar = True

# Every reference must lead somewhere, except to types of other packages and of modules that are not public.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!lodo_bench\.).*|lodo_bench\.(spec|analysis)\..*")]

_FILE_OUTSIDE = re.compile(r"\]\((\.\./[^)#]+\.md)\)")


def setup(app: Sphinx) -> None:
    """Offer Markdown files of the repository that are not pages of the documentation as downloads."""
    app.connect("source-read", _link_files)


def _link_files(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = _FILE_OUTSIDE.sub(r"](path:\1)", source[0])


# Options such as --device keep their two hyphens.
smartquotes_action = "qe"
