"""Files are written whole, or not at all."""

import os
import stat
import threading

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import open_output, remove_temporary_files, write_atomically, write_new


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_takes_the_place_of_the_former_one_at_the_end(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("former")
    with open_output(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "former"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_is_interrupted_leaves_everything_as_it_was(error, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("former")
    with pytest.raises(error), open_output(str(path)) as file:
        file.write(b"half")
        raise error
    assert path.read_text() == "former"
    assert names(tmp_path) == ["out.csv"]


def test_what_a_killed_write_has_left_is_removed_and_nothing_else(tmp_path):
    for name in (".out.csv.7.tmp", ".other.csv.7.tmp", "out.csv"):
        (tmp_path / name).touch()
    remove_temporary_files(tmp_path / "out.csv")
    assert names(tmp_path) == [".other.csv.7.tmp", "out.csv"]


def test_the_next_write_removes_what_a_killed_one_has_left(tmp_path):
    (tmp_path / ".out.csv.7.tmp").touch()
    with open_output(str(tmp_path / "out.csv")) as file:
        file.write(b"new")
    assert names(tmp_path) == ["out.csv"]


@pytest.mark.skipif(os.name != "posix", reason="files are not locked here")
def test_a_write_in_progress_is_not_taken_for_an_abandoned_one(tmp_path):
    with open_output(str(tmp_path / "out.csv")) as file:
        file.write(b"new")
        remove_temporary_files(tmp_path / "out.csv")
    assert names(tmp_path) == ["out.csv"]


def test_a_new_file_takes_no_place_of_another(tmp_path):
    path = tmp_path / "out.csv"
    with write_new(path) as file:
        file.write(b"new")
        assert not path.exists()
    with pytest.raises(FileExistsError), write_new(path) as file:
        file.write(b"other")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["out.csv"]


def test_a_new_file_is_made_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    path = tmp_path / "out.csv"
    with write_new(path) as file:
        file.write(b"new")
    with pytest.raises(FileExistsError), write_new(path) as file:
        file.write(b"other")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["out.csv"]


def test_file_and_directory_are_synchronized_with_the_disk(tmp_path, monkeypatch):
    synchronized = []
    monkeypatch.setattr("os.fsync", lambda number: synchronized.append(stat.S_ISDIR(os.fstat(number).st_mode)))
    with write_atomically(tmp_path / "out.csv"):
        pass
    assert synchronized == [False, True]


def test_a_new_file_that_is_interrupted_is_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_output(str(tmp_path / "out.csv")):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_link_goes_on_leading_to_its_file(tmp_path):
    (tmp_path / "real.csv").write_text("former")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with open_output(str(tmp_path / "link.csv")) as file:
        file.write(b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_a_pipe_is_written_to(tmp_path):
    pipe, read = tmp_path / "pipe.csv", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with open_output(str(pipe)) as file:
        file.write(b"new")
    reader.join()
    assert read == [b"new"]
    assert pipe.is_fifo()


def test_the_file_can_be_read_by_whom_a_new_file_can(tmp_path):
    (tmp_path / "plain").touch()
    with open_output(str(tmp_path / "out.csv")) as file:
        file.write(b"new")
    assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(UsageError, match="it is a directory"), open_output(str(tmp_path)):
        pass


def test_a_missing_directory_is_told(tmp_path):
    with pytest.raises(UsageError, match="No such file or directory"), open_output(str(tmp_path / "no" / "out.csv")):
        pass
