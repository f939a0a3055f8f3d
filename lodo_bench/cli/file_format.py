"""The formats of output files, and which one a command is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lodo_bench.cli.options import choice
from lodo_bench.errors import UsageError
from lodo_bench.files.paths import user_path

REPORT_FORMATS = {
    "markdown": (".md", ".markdown"),
    "html": (".html", ".htm"),
    "latex": (".tex",),
    "csv": (".csv",),
    "json": (".json",),
}
EXPORT_FORMATS = {"csv": (".csv",), "json": (".json",), "parquet": (".parquet",)}
PLOT_FORMATS = {"png": (".png",), "svg": (".svg",), "pdf": (".pdf",)}


def format_of(
    name: str | None, json: bool, output: str | None, formats: Mapping[str, Iterable[str]], default: str
) -> str:
    """Return the format with this name, or the one of the output file's ending, or the default for standard output.

    Args:
        name: value of `--format`.
        json: whether `--json` is given, which is short for `--format json`.
        output: value of `--output`.
        formats: format -> endings of its files.
        default: format of standard output.

    Raises:
        UsageError: if the options conflict, or the suffix is unknown.
    """
    if json and name not in (None, "json"):
        raise UsageError(f"--json and --format {name} conflict. Omit one of them.")
    name = "json" if json else name
    of_suffix = None if output is None else _by_suffix(output, formats)
    if name is None and output is not None and of_suffix is None:
        suffixes = ", ".join(suffix for suffixes in formats.values() for suffix in suffixes)
        raise UsageError(f"cannot infer a format from '{output}'. Use one of the suffixes {suffixes}.")
    if name is not None and of_suffix not in (None, choice(name, tuple(formats), "format")):
        raise UsageError(f"the format {name} and --output {output} conflict: that is a {of_suffix} file.")
    return name or of_suffix or default


def _by_suffix(output: str, formats: Mapping[str, Iterable[str]]) -> str | None:
    suffix = user_path(output, "output").suffix.lower()
    return next((name for name, suffixes in formats.items() if suffix in suffixes), None)
