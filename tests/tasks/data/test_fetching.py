"""From a server to the disk: what arrives is whole and checked, or is not there."""

import errno
import gzip
from contextlib import contextmanager

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data import archives
from lodo_bench.tasks.data.catalog import MNIST
from lodo_bench.tasks.data.fetching import fetch
from tests.stand_in_data import write_mnist
from tests.tasks.data.synthetic import (
    ARCHIVE,
    CONTENTS,
    FOLDER,
    Callback,
    archive,
    archived,
    begun,
    cut_off,
    gzipped,
    send,
    zipped,
)

PART = f".{ARCHIVE}.part"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_complete(folder, *others):
    assert {name: (folder / name).read_bytes() for name in CONTENTS} == CONTENTS
    assert names(folder) == sorted([*CONTENTS, *others])


def serve_zipped(server, base="/"):
    for name in CONTENTS:
        server.at(f"{base}{name}.gz", gzipped(name))


def test_gzip_files_are_fetched_and_unpacked(server, tmp_path):
    serve_zipped(server)
    callback = Callback()
    folder = fetch(zipped(f"{server.url}/"), tmp_path, callback)
    assert folder == tmp_path / "mnist"
    assert_complete(folder)
    assert callback.of("finished") == [(f"{name}.gz", "downloaded and verified") for name in CONTENTS]
    assert callback.of("failed") == []


def test_an_archive_is_fetched_and_only_its_wanted_files_unpacked(server, tmp_path):
    url = server.at(f"/{ARCHIVE}", archive())
    callback = Callback()
    folder = fetch(archived([url]), tmp_path, callback)
    assert_complete(folder)
    size = len(archive())
    assert callback.amounts[-1] == (size, size)


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    serve_zipped(server)
    data_set = zipped(f"{server.url}/")
    fetch(data_set, tmp_path, Callback())
    asked = len(server.requests)
    callback = Callback()
    fetch(data_set, tmp_path, callback)
    assert len(server.requests) == asked == 2
    assert callback.of("finished") == [(f"{name}.gz", "already present") for name in CONTENTS]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_file_is_replaced_and_the_others_are_kept(suffix, server, tmp_path):
    serve_zipped(server)
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "first.bin.gz").write_bytes(gzipped("first.bin"))
    (folder / f"second.bin{suffix}").write_bytes(b"\x1f\x8b damaged")
    fetch(zipped(f"{server.url}/"), tmp_path, Callback())
    assert [path for path, _ in server.requests] == ["/second.bin.gz"]
    assert (folder / "second.bin").read_bytes() == CONTENTS["second.bin"]
    assert not (folder / "first.bin").exists()


def test_files_that_a_server_uncompresses_are_fetched_too(server, tmp_path):
    for name, content in CONTENTS.items():
        server.at(f"/{name}.gz", content)
    assert_complete(fetch(zipped(f"{server.url}/"), tmp_path, Callback()))


def answer_with(status):
    return lambda handler: handler.send_error(status)


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        return


USELESS = {
    "not there": (None, "HTTP status 404"),
    "down": (answer_with(503), "HTTP status 503"),
    "empty": (b"", "0 bytes"),
    "a web page": (b"<html>Log in first</html>" * 800, "bytes of content"),
    "cut off": (lambda handler: send(handler, gzipped("first.bin")[:100], declared=5000), "100 bytes read"),
    "truncated": (gzipped("first.bin")[:100], "its gzip data ends too early"),
    "of other content": (gzip.compress(b"x" * len(CONTENTS["first.bin"])), "altered: the sha256"),
    "longer": (gzip.compress(CONTENTS["first.bin"] + b"x"), "too long"),
    "a bomb": (gzip.compress(bytes(50_000_000)), "too long"),
    "endless": (endless, "it is longer than"),
    "of no sense": (lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"), ""),
}


@pytest.mark.parametrize("case", USELESS)
def test_a_useless_mirror_is_passed_over(case, server, tmp_path):
    answer, reason = USELESS[case]
    serve_zipped(server, "/good/")
    serve_zipped(server, "/bad/")
    server.answers["/bad/first.bin.gz"] = answer
    callback = Callback()
    folder = fetch(zipped(f"{server.url}/bad/", f"{server.url}/good/"), tmp_path, callback)
    assert_complete(folder)
    (source, told), *more = callback.of("failed")
    assert source == f"{server.url}/bad/first.bin.gz" and not more
    assert reason in told


def test_a_mirror_without_a_server_is_passed_over(server, tmp_path):
    serve_zipped(server)
    callback = Callback()
    assert_complete(fetch(zipped("http://127.0.0.1:1/", f"{server.url}/"), tmp_path, callback))
    assert callback.of("failed")[0] == ("http://127.0.0.1:1/first.bin.gz", "Connection refused")


def test_without_any_use_each_mirror_is_named_with_its_reason(server, tmp_path):
    server.at("/broken/first.bin.gz", b"nothing")
    data_set = zipped(f"{server.url}/broken/", "http://127.0.0.1:1/")
    with pytest.raises(UsageError) as caught:
        fetch(data_set, tmp_path, Callback())
    message = str(caught.value)
    for text in (
        "first.bin.gz could not be downloaded from any mirror",
        f"{server.url}/broken/first.bin.gz: the download is truncated",
        "http://127.0.0.1:1/first.bin.gz: Connection refused",
        f"put it into '{tmp_path / 'mnist'}'",
    ):
        assert text in message
    assert names(tmp_path / "mnist") == []


def test_what_would_fail_again_is_not_tried_again(server, tmp_path):
    server.at("/altered/first.bin.gz", b"nothing")
    server.at("/down/first.bin.gz", answer_with(503))
    bases = [f"{server.url}/{name}/" for name in ("missing", "altered", "down")]
    with pytest.raises(UsageError, match="from any mirror"):
        fetch(zipped(*bases), tmp_path, Callback())
    paths = [path.split("/")[1] for path, _ in server.requests]
    assert paths == ["missing", "altered", "down", "down"]


def test_a_begun_archive_is_continued(server, tmp_path):
    content = archive()
    callback = Callback()
    url = server.at(f"/{ARCHIVE}", cut_off(content, 200_000))
    assert_complete(fetch(archived([url]), tmp_path, callback))
    first, second = server.requests
    assert begun(first) == 0 and 100_000 < begun(second) <= 200_000
    done = [done for done, _ in callback.amounts]
    assert done == sorted(done) and done[-1] == len(content)
    assert {total for _, total in callback.amounts} == {len(content)}


def test_what_came_of_an_archive_is_used_by_the_next_command(server, tmp_path):
    content = archive()
    data_set = archived([server.at("/a", lambda handler: send(handler, content[:200_000], declared=len(content)))])
    with pytest.raises(UsageError, match="from any mirror"):
        fetch(data_set, tmp_path, Callback())
    assert names(tmp_path / "cifar10") == [PART]
    size = (tmp_path / "cifar10" / PART).stat().st_size
    server.at("/a", cut_off(content, 0))
    server.requests.clear()
    assert_complete(fetch(data_set, tmp_path, Callback()))
    assert [begun(request) for request in server.requests] == [size]
    assert size > 100_000


def test_another_mirror_goes_on_with_what_one_began(server, tmp_path):
    content = archive()
    first = server.at("/a", lambda handler: send(handler, content[:200_000], declared=len(content)))
    second = server.at("/b", cut_off(content, 0))
    assert_complete(fetch(archived([first, second]), tmp_path, Callback()))
    assert [path for path, _ in server.requests] == ["/a", "/b"]
    assert begun(server.requests[1]) > 100_000


def begin(tmp_path, content):
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / PART).write_bytes(content)


def test_a_server_that_cannot_continue_sends_the_whole(server, tmp_path):
    begin(tmp_path, archive()[:500])
    url = server.at("/a", archive())
    assert_complete(fetch(archived([url]), tmp_path, Callback()))
    assert server.requests == [("/a", "bytes=500-")]


def test_a_complete_part_is_not_fetched_again(server, tmp_path):
    begin(tmp_path, archive())
    assert_complete(fetch(archived([server.at("/a", archive())]), tmp_path, Callback()))
    assert server.requests == []


@pytest.mark.parametrize("part", [b"garbage", b"garbage" * 100_000])
def test_a_part_that_is_wrong_is_thrown_away(part, server, tmp_path):
    content = archive()
    begin(tmp_path, part)

    def answer(handler):
        start = begun(server.requests[-1])
        if start >= len(content):
            handler.send_error(416)
        else:
            send(handler, content[start:], status=206 if start else 200)

    assert_complete(fetch(archived([server.at("/a", answer)]), tmp_path, Callback()))
    assert server.requests[-1] == ("/a", None)


def test_an_archive_put_there_by_hand_is_unpacked(tmp_path):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    (folder / ARCHIVE).write_bytes(archive())
    callback = Callback()
    fetch(archived(), tmp_path, callback)
    assert_complete(folder, ARCHIVE)
    assert callback.of("finished") == [(ARCHIVE, "found, unpacked and verified")]


def test_an_altered_archive_put_there_by_hand_is_named(tmp_path):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    altered = bytearray(archive())
    altered[100] ^= 1
    (folder / ARCHIVE).write_bytes(altered)
    callback = Callback()
    with pytest.raises(UsageError, match="from any mirror"):
        fetch(archived(), tmp_path, callback)
    (source, reason), *_ = callback.of("failed")
    assert source == str(folder / ARCHIVE) and "is altered: its sha256 is" in reason
    assert names(folder) == [ARCHIVE]
    assert (folder / ARCHIVE).read_bytes() == altered


def test_files_in_the_archives_own_folder_are_found(tmp_path):
    folder = tmp_path / "cifar10" / FOLDER
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    callback = Callback()
    fetch(archived(), tmp_path, callback)
    assert callback.of("finished") == [(ARCHIVE, "already present")]


def test_a_stand_in_is_left_alone(tmp_path):
    write_mnist(tmp_path, 3, 2)
    before = {path: path.read_bytes() for path in (tmp_path / "mnist").iterdir()}
    with pytest.raises(
        UsageError, match=r"contains a stand-in for mnist, which is never overwritten. Remove its 'stand-in.json'"
    ):
        fetch(MNIST, tmp_path, Callback())
    assert {path: path.read_bytes() for path in (tmp_path / "mnist").iterdir()} == before


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"cannot write mnist to '.*file/mnist': .*Choose another data directory"):
        fetch(zipped(), tmp_path / "file", Callback())


def test_a_full_disk_leaves_no_half_file(server, tmp_path, monkeypatch):
    serve_zipped(server)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lodo_bench.files.atomic.os.fsync", full)
    with pytest.raises(UsageError, match=r"No space left on device. What is downloaded is kept: free some space"):
        fetch(zipped(f"{server.url}/"), tmp_path, Callback())
    assert names(tmp_path / "mnist") == []


def test_an_interruption_leaves_no_half_file(server, tmp_path, monkeypatch):
    serve_zipped(server)
    write = archives.write_atomically

    @contextmanager
    def interrupted(path):
        with write(path) as file:
            yield file
            if path.name == "second.bin":
                raise KeyboardInterrupt

    monkeypatch.setattr(archives, "write_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(zipped(f"{server.url}/"), tmp_path, Callback())
    assert names(tmp_path / "mnist") == ["first.bin"]
