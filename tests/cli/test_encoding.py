"""Characters that a stream cannot write have ASCII forms."""

import io
import json
import os
import subprocess
import sys

import pytest

from lodo_bench.cli.encoding import keep_writable, writable
from lodo_bench.cli.output import print_json
from tests.cli.runner import command


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("9.81 ± 0.15", "ascii", "9.81 +/- 0.15"),
        ("9.81 ± 0.15 †", "cp1252", "9.81 ± 0.15 †"),
        ("loss ≤ 10 – 3×", "ascii", "loss <= 10 - 3x"),
        ("loss ≤ 10 – 3×", "cp1252", "loss <= 10 – 3×"),
        ("O(n³), σ²", "ascii", "O(n3), sigma2"),
        ("Soljačić", "ascii", "Soljacic"),
        ("┏━┓", "ascii", "+=+"),
        ("数", "ascii", "?"),
        ("anything ± †", None, "anything ± †"),
        ("anything ± †", "utf-8", "anything ± †"),
    ],
)
def test_forms(text, encoding, shown):
    assert writable(text, encoding) == shown


def test_a_stream_writes_them():
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    with pytest.raises(UnicodeEncodeError):
        stream.write("±")
        stream.flush()
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    keep_writable(stream)
    stream.write("±")
    stream.flush()
    assert stream.buffer.getvalue() == b"+/-"


def test_what_is_no_file_is_left_alone():
    keep_writable(None)
    keep_writable(io.StringIO())


def test_names_of_files_come_back_as_they_were():
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    keep_writable(stream)
    stream.write(os.fsdecode(b"caf\xe9.db"))
    stream.flush()
    assert stream.buffer.getvalue() == b"caf\xe9.db"


def test_json_keeps_every_value(monkeypatch):
    streams = {encoding: io.TextIOWrapper(io.BytesIO(), encoding) for encoding in ("ascii", "utf-8")}
    documents = {}
    for encoding, stream in streams.items():
        monkeypatch.setattr(sys, "stdout", stream)
        print_json({"name": "Soljačić 数 𝛽", "time": "O(n³)"})
        stream.flush()
        documents[encoding] = stream.buffer.getvalue().decode(encoding)
    assert json.loads(documents["ascii"]) == json.loads(documents["utf-8"])
    assert "O(n³)" in documents["utf-8"]


@pytest.mark.parametrize(
    ("arguments", "encoding"),
    [(("list", "optimizers"), "ascii"), (("run", "no-such-codec±"), "cp1252"), (("--help",), "cp1252")],
)
def test_no_command_fails_to_write(arguments, encoding, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LODO_BENCH_DB": str(tmp_path / "results.db")}
    done = subprocess.run(command(*arguments), env=environment, capture_output=True, check=False)
    assert done.returncode == (2 if arguments[0] == "run" else 0)
    assert b"Traceback" not in done.stderr
    assert (done.stdout + done.stderr).decode(encoding)
