"""`lodo-bench config show`: every setting, with its origin."""

import re
from pathlib import Path

import pytest

import lodo_bench
from lodo_bench.api.settings import Setting, known_variables, settings_in_effect
from tests.cli.runner import Place

PACKAGE = Path(lodo_bench.__file__).parent
READS = re.compile(r"environ|getenv|envvar")
# Read directly, or a word of such a file that has the form of a variable.
DIRECT = re.compile(r"""(?:environ(?:\.get)?|getenv|setdefault)[(\[]\s*["'](\w+)["']|envvar=["'](\w+)["']""")
WORD = re.compile(r"""["']([A-Z][A-Z0-9]*(?:_[A-Za-z0-9]+)+)["']""")
# Words of that form that are no variables.
OTHER_WORDS = {"DEFAULT_DATABASE", "N_co"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("config"))


def settings(place, **environment):
    document = place.run_here("config", "show", "--json", **environment).document
    assert set(document) == {"schema", "settings"}
    return {each["name"]: each for each in document["settings"]}


def names_in_code():
    """The names of environment variables in the files that read the environment, by file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        if READS.search(text):
            for name in (*map("".join, DIRECT.findall(text)), *WORD.findall(text)):
                yield name, path.relative_to(PACKAGE)


def test_every_variable_that_the_code_reads_is_shown(place):
    found = dict(names_in_code())
    assert {"LODO_BENCH_DB", "LODO_BENCH_DATA", "XDG_CACHE_HOME", "RAY_AUTH_MODE", "RAY_worker_niceness"} <= set(found)
    shown = settings(place)
    assert {name: path for name, path in found.items() if name not in {*shown, *OTHER_WORDS}} == {}
    assert known_variables() <= set(shown)


def test_defaults_are_resolved(place, monkeypatch):
    monkeypatch.delenv("LODO_BENCH_DB", raising=False)
    monkeypatch.chdir(place.work)
    shown = {setting.name: setting for setting in settings_in_effect()}
    assert shown["LODO_BENCH_DB"] == Setting(
        name="LODO_BENCH_DB",
        value=str(place.work / "results" / "lodo-bench.db"),
        origin="default",
        source="",
        meaning="results database of all commands without --db",
    )
    assert settings(place)["NUMBA_DISABLE_JIT"]["value"] == "0"


def test_an_empty_database_is_none_and_not_the_default_one(place):
    found = settings(place, LODO_BENCH_DB="")["LODO_BENCH_DB"]
    assert (found["value"], found["origin"]) == ("(invalid: empty)", "environment")


def test_the_environment_is_named(place):
    shown = settings(place, LODO_BENCH_DB="mine.db", LODO_BENCH_DATA="data", OMP_NUM_THREADS=3, RAY_AIR_NEW_OUTPUT=1)
    found = {name: (shown[name]["value"], shown[name]["origin"]) for name in shown}
    assert found["LODO_BENCH_DB"] == (str(place.work / "mine.db"), "environment")
    assert found["LODO_BENCH_DATA"] == (str(place.work / "data"), "environment")
    assert found["OMP_NUM_THREADS"] == ("3", "environment")
    assert shown["MKL_NUM_THREADS"]["source"] == "OMP_NUM_THREADS"
    assert found["RAY_AIR_NEW_OUTPUT"] == ("1", "environment")
    assert found["RAY_USAGE_STATS_ENABLED"] == ("0", "default")


def test_a_default_that_another_variable_changes(place):
    shown = settings(place, LODO_BENCH_DATA="", XDG_CACHE_HOME=place.directory / "cache")
    assert shown["LODO_BENCH_DATA"]["value"] == str(place.directory / "cache" / "lodo-bench")
    assert (shown["LODO_BENCH_DATA"]["origin"], shown["LODO_BENCH_DATA"]["source"]) == ("environment", "XDG_CACHE_HOME")


def test_presence_is_enough_for_some(place):
    shown = settings(place, NO_COLOR="", CUDA_VISIBLE_DEVICES="")
    assert (shown["NO_COLOR"]["origin"], shown["CUDA_VISIBLE_DEVICES"]["origin"]) == ("environment", "environment")
    assert settings(place)["NO_COLOR"]["origin"] == "default"


def test_secrets_are_hidden(place):
    secrets = {"LODO_BENCH_DB": "postgresql://me:geheim@host/name", "RAY_AUTH_TOKEN": "geheim", "RAY_X_TOKEN": "geheim"}
    result = place.run_here("config", "show", **secrets)
    assert "postgresql://me:***@host/name" in result.stdout
    assert "geheim" not in result.stdout
    assert "geheim" not in place.run_here("config", "show", "--json", **secrets).stdout


def test_unknown_variables_and_files(place):
    (place.work / ".numba_config.yaml").write_text("developer_mode: 0\n")
    (place.home / ".ray").mkdir()
    (place.home / ".ray" / "auth_token").write_text("geheim")
    shown = settings(place, LODO_BENCH_DATABASE="x.db", NUMBA_DEBUG=0)
    assert shown["LODO_BENCH_DATABASE"]["meaning"].startswith("no effect")
    assert shown["NUMBA_DEBUG"]["origin"] == "environment"
    assert (shown["numba settings"]["origin"], shown["ray token"]["origin"]) == ("file", "file")
    assert shown["ray token"]["value"] == str(place.home / ".ray" / "auth_token")


def test_a_data_directory_that_cannot_be(place):
    assert settings(place, LODO_BENCH_DATA="~nobody-at-all/x")["LODO_BENCH_DATA"]["value"].startswith("(invalid: ")


def test_every_setting_is_a_line_with_its_meaning_below(place):
    result = place.run_here("config", "show")
    assert (result.code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert {line.partition(" = ")[0] for line in lines[::2]} >= known_variables()
    assert all(line.startswith("    ") for line in lines[1::2])
    assert lines[:2] == [
        f"LODO_BENCH_DB = {place.database} (environment)",
        "    results database of all commands without --db",
    ]
    assert "LOCALAPPDATA = not set (default)" in lines
