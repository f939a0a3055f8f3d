"""`lodo-bench data`, as a user meets it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lodo_bench.cli.app import main
from lodo_bench.cli.options import set_data_directory
from lodo_bench.cli.views import download_progress as fetching
from lodo_bench.tasks.data import catalog
from tests.cli.runner import Result, finish, wait_until
from tests.stand_in_data import write_cifar10, write_mnist
from tests.tasks.data.synthetic import ARCHIVE, CONTENTS, archive, archived, gzipped, serving, stalling, zipped

NOWHERE = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "no_proxy": ""}


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def program(monkeypatch, tmp_path, capsys):
    """Runs the command line in this process, where the table of data sets can be changed."""

    def run(*arguments, **data_sets):
        for name, data_set in data_sets.items():
            monkeypatch.setitem(catalog.DATA_SETS, name, data_set)
        monkeypatch.setattr(sys, "argv", ["lodo-bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        output = capsys.readouterr()
        return Result(caught.value.code or 0, output.out, output.err)

    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path / "data"))
    return run


def test_fetching_tells_in_plain_lines_how_it_goes(program, server, tmp_path):
    server.at("/good/first.bin.gz", gzipped("first.bin"))
    server.at("/good/second.bin.gz", gzipped("second.bin"))
    data_set = zipped(f"{server.url}/bad/", f"{server.url}/good/")
    result = program("data", "fetch", "mnist", "--data-dir", tmp_path / "here", mnist=data_set)
    folder = tmp_path / "here" / "mnist"
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"first.bin.gz from {server.url}/bad/first.bin.gz",
        f"  failed: {server.url}/bad/first.bin.gz: HTTP status 404 Not Found",
        f"first.bin.gz from {server.url}/good/first.bin.gz",
        "first.bin.gz downloaded and verified",
        f"second.bin.gz from {server.url}/bad/second.bin.gz",
        f"  failed: {server.url}/bad/second.bin.gz: HTTP status 404 Not Found",
        f"second.bin.gz from {server.url}/good/second.bin.gz",
        "second.bin.gz downloaded and verified",
        f"mnist is complete in '{folder}'.",
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    again = program("data", "fetch", "mnist", "--data-dir", tmp_path / "here")
    assert again.stderr.splitlines()[0] == "first.bin.gz already present"


def test_a_long_download_tells_how_far_it_is(program, server, monkeypatch):
    monkeypatch.setattr(fetching, "_LINE_SECONDS", -1)
    url = server.at(f"/{ARCHIVE}", archive())
    lines = program("data", "fetch", "cifar10", cifar10=archived([url])).stderr.splitlines()
    assert lines[1] == f"{ARCHIVE}: 0.1 MB of 0.3 MB"
    assert lines[-3:-1] == [f"{ARCHIVE}: 0.3 MB of 0.3 MB", f"{ARCHIVE} downloaded and verified"]


def test_fetching_goes_where_the_environment_says(program, server, tmp_path):
    url = server.at(f"/{ARCHIVE}", archive())
    assert program("data", "fetch", "cifar10", cifar10=archived([url])).code == 0
    assert {path.name for path in (tmp_path / "data" / "cifar10").iterdir()} == set(CONTENTS)


def test_a_failure_is_one_message_without_a_traceback(program, server, tmp_path):
    result = program("data", "fetch", "mnist", mnist=zipped(f"{server.url}/"))
    assert (result.code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    message = result.stderr.partition("lodo-bench: ")[2]
    assert message.startswith("first.bin.gz could not be downloaded from any mirror:\n")
    assert f"{server.url}/first.bin.gz: HTTP status 404" in message
    assert f"put it into '{tmp_path / 'data' / 'mnist'}'" in message


def test_without_a_network_every_mirror_is_named(place):
    result = place.run_here("data", "fetch", "cifar10", "--data-dir", "data", **NOWHERE)
    assert (result.code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    message = result.stderr.partition("lodo-bench: ")[2]
    piece = catalog.CIFAR10.downloads[0]
    assert all(f"  {mirror}: Connection refused\n" in message for mirror in piece.mirrors)
    assert f"put it into '{place.work / 'data' / 'cifar10'}'" in message
    assert list((place.work / "data" / "cifar10").glob("[!.]*")) == []


PATCHED = """
import sys
from lodo_bench.cli.app import main
from lodo_bench.tasks.data import catalog
from tests.tasks.data.synthetic import archived
catalog.DATA_SETS["cifar10"] = archived([sys.argv.pop()])
main()
"""


def start_patched(place, *arguments):
    """The program with the toy at the address that is the last argument in the place of CIFAR-10."""
    return subprocess.Popen(
        [sys.executable, "-c", PATCHED, *arguments],
        cwd=place.work,
        env=place.environment(PYTHONPATH=Path(__file__).parents[2]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_an_interrupted_download_is_continued_by_the_same_command(place, server, tmp_path):
    content = archive()
    url = server.at(f"/{ARCHIVE}", stalling(content, 200_000))
    arguments = ["data", "fetch", "cifar10", "--data-dir", "data"]
    folder = place.work / "data" / "cifar10"
    part = folder / f".{ARCHIVE}.part"

    def start():
        process = start_patched(place, *arguments, url)
        wait_until(lambda: server.requests and part.exists() and part.stat().st_size, process)
        return process

    process = start()
    os.kill(process.pid, signal.SIGINT)
    result = finish(process)
    assert (result.code, result.stdout) == (130, "")
    assert "Traceback" not in result.stderr
    assert (
        "lodo-bench: interrupted. What is downloaded is kept. Rerun to resume:\n  lodo-bench data fetch"
        in result.stderr
    )
    assert [path.name for path in folder.iterdir()] == [part.name]

    begun = part.stat().st_size
    server.at(f"/{ARCHIVE}", lambda handler: handler.wfile.write(_rest(content, begun)))
    again = finish(start_patched(place, *arguments, url))
    assert again.code == 0
    assert server.requests[-1] == (f"/{ARCHIVE}", f"bytes={begun}-")
    assert {path.name for path in folder.iterdir()} == set(CONTENTS)


def _rest(content, begun):
    return f"HTTP/1.0 206 Partial Content\r\nContent-Length: {len(content) - begun}\r\n\r\n".encode() + content[begun:]


def test_status_tells_of_every_file(program, tmp_path):
    write_mnist(tmp_path / "data", 3, 2)
    (tmp_path / "data" / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"x")
    result = program("data", "status")
    rows = [re.split(r" *\| *", line.strip("| ")) for line in result.stdout.splitlines()[2:]]
    assert result.code == 0
    mnist, cifar10 = tmp_path / "data" / "mnist", tmp_path / "data" / "cifar10"
    assert rows == [
        ["mnist (stand-in: tiny)", "verified", f"{mnist}/train-images-idx3-ubyte.gz", "2,368"],
        ["mnist (stand-in: tiny)", "verified", f"{mnist}/train-labels-idx1-ubyte.gz", "11"],
        ["mnist (stand-in: tiny)", "verified", f"{mnist}/t10k-images-idx3-ubyte.gz", "1,584"],
        ["mnist (stand-in: tiny)", "damaged", f"{mnist}/t10k-labels-idx1-ubyte.gz", "10"],
        *(["cifar10", "missing", f"{cifar10}/{file.name}", "30,730,000"] for file in catalog.CIFAR10.files),
    ]
    assert "mnist (stand-in: tiny): '" in result.stderr and "t10k-labels-idx1-ubyte.gz' is truncated" in result.stderr
    assert "cifar10: Run 'lodo-bench data fetch cifar10'" in result.stderr


def test_status_as_a_document(program, tmp_path):
    write_cifar10(tmp_path / "there", 1, 1)
    result = program("data", "status", "--json", "--data-dir", tmp_path / "there")
    mnist, cifar10 = result.document["data_sets"]
    assert result.document["directory"] == str(tmp_path / "there")
    assert (mnist["name"], mnist["stand_in"], mnist["ready"]) == ("mnist", None, False)
    assert "lodo-bench data fetch mnist" in mnist["remedy"]
    assert (cifar10["name"], cifar10["stand_in"], cifar10["ready"]) == ("cifar10 (stand-in: tiny)", "tiny", True)
    assert (cifar10["problem"], cifar10["remedy"]) == ("", "")
    first = cifar10["files"][0]
    assert (first["name"], first["state"], first["size"]) == ("data_batch_1.bin", "verified", 3073)
    assert first["path"] == str(tmp_path / "there" / "cifar10" / "data_batch_1.bin")


MISTAKES = {
    "unknown data set": (
        ("fetch", "cifar"),
        "unknown data set 'cifar'. Did you mean 'cifar10'? Known: cifar10, mnist.",
    ),
    "no data set": (("fetch",), "Missing argument 'NAME'"),
    "unknown command": (("get",), "No such command 'get'"),
    "a file for a directory": (
        ("fetch", "mnist", "--data-dir", "/dev/null"),
        "cannot write mnist to '/dev/null/mnist'",
    ),
    "a home that is not there": (
        ("status", "--data-dir", "~no-such-user/x"),
        "'~no-such-user/x' cannot be the path of the data directory",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_explained(case, program):
    arguments, text = MISTAKES[case]
    result = program("data", *arguments)
    assert (result.code, result.stdout) == (2, "")
    assert text in result.message
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["fetch", "status"])
def test_help_explains_every_option(command, program):
    result = program("data", command, "--help")
    assert result.code == 0
    assert "--data-dir" in result.stdout and "LODO_BENCH_DATA" in result.stdout


def test_the_data_directory_is_set_for_what_the_process_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", "before")
    set_data_directory(None)
    assert os.environ["LODO_BENCH_DATA"] == "before"
    monkeypatch.chdir(tmp_path)
    set_data_directory("relative")
    assert os.environ["LODO_BENCH_DATA"] == str(tmp_path / "relative")
