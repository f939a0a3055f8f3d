"""Which directory is the data directory, and what counts as a stand-in."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.files.data_directory import data_directory
from lodo_bench.tasks.data.catalog import CIFAR10, DATA_SETS, MNIST, get_data_set
from lodo_bench.tasks.data.location import locate_data_set
from tests.stand_in_data import declaration

CONTENTS = {file.name: b"content" for file in MNIST.files}
GOOD = declaration("mnist", CONTENTS)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.delenv("LODO_BENCH_DATA", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_what_is_asked_for_comes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path / "environment"))
    assert data_directory(tmp_path / "asked") == tmp_path / "asked"
    assert data_directory() == tmp_path / "environment"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_otherwise_it_is_in_the_cache_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("LODO_BENCH_DATA", "")
    assert data_directory() == tmp_path / "home" / ".cache" / "lodo-bench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_directory() == tmp_path / "cache" / "lodo-bench"


def test_it_is_a_whole_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert data_directory("data") == tmp_path / "data"
    assert data_directory("~/data") == tmp_path / "home" / "data"


def test_a_home_that_there_is_not_is_explained():
    with pytest.raises(
        UsageError,
        match=r"'~nobody-of-this-name/data' cannot be the path of the data directory: there is no such home directory",
    ):
        data_directory("~nobody-of-this-name/data")


def test_the_data_sets_go_by_name():
    assert {name: get_data_set(name) for name in DATA_SETS} == {"mnist": MNIST, "cifar10": CIFAR10}
    with pytest.raises(UsageError, match=r"unknown data set 'cifar'. Did you mean 'cifar10'"):
        get_data_set("cifar")


def test_the_real_files_have_the_sizes_of_their_formats():
    images, labels, test_images, test_labels = MNIST.files
    assert (images.size, labels.size) == (16 + 60_000 * 784, 8 + 60_000)
    assert (test_images.size, test_labels.size) == (16 + 10_000 * 784, 8 + 10_000)
    assert [file.size for file in CIFAR10.files] == [30_730_000] * 6
    lengths = {"sha256": 64, "md5": 32}
    for file in (*MNIST.files, *CIFAR10.files):
        algorithm, digest = file.checksum.split(":")
        assert len(bytes.fromhex(digest)) * 2 == lengths[algorithm]


def declare(tmp_path, text):
    folder = tmp_path / "mnist"
    folder.mkdir(exist_ok=True)
    (folder / "stand-in.json").write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
    return locate_data_set(MNIST, tmp_path)


def test_without_a_declaration_the_files_must_be_the_real_ones(tmp_path):
    location = locate_data_set(MNIST, tmp_path)
    assert (location.name, location.stand_in, location.files) == ("mnist", None, MNIST.files)
    assert location.remedy is Remedy.FETCH_DATA


def test_a_declared_stand_in_has_its_own_name_and_files(tmp_path):
    location = declare(tmp_path, GOOD)
    assert (location.name, location.stand_in) == ("mnist (stand-in: tiny)", "tiny")
    assert [(file.name, file.size, file.checksum) for file in location.files] == [
        (file.name, 7, f"sha256:{GOOD['files'][file.name]['sha256']}") for file in MNIST.files
    ]
    assert location.remedy is Remedy.CHOOSE_DATA_DIRECTORY


def changed(**changes):
    return {**GOOD, **changes}


def with_file(entry, name=MNIST.files[0].name):
    return changed(files={**GOOD["files"], name: entry})


DIGEST = "0" * 64
WRONG = {
    "no JSON": (b"{", "it is not a JSON document"),
    "no text": (b"\xff\xfe\x00", "it is not a JSON document"),
    "too deep": (b"[" * 50_000, "it is not a JSON document"),
    "too long": (b" " * 200_000, "it is larger than 100,000 bytes"),
    "a list": ([], "it must be an object with the keys files, name, stand_in_for"),
    "lacking": ({"name": "tiny"}, "it must be an object with the keys"),
    "more": (changed(shape=3), "it must be an object with the keys"),
    "of another": (changed(stand_in_for="cifar10"), '"stand_in_for" must be "mnist"'),
    "nameless": (changed(name=""), '"name" must be up to 60 letters'),
    "blank": (changed(name="  "), '"name" must be'),
    "two lines": (changed(name="a\nb"), '"name" must be'),
    "number for a name": (changed(name=3), '"name" must be'),
    "files": (changed(files=3), '"files" must be an object'),
    "too few files": (changed(files={}), '"files" must be an object with the keys t10k-images-idx3-ubyte'),
    "another file": (with_file({"size": 1, "sha256": DIGEST}, "more"), '"files" must be an object'),
    "a size of text": (
        with_file({"size": "1", "sha256": DIGEST}),
        '"size" of "train-images-idx3-ubyte" must be from 1',
    ),
    "a truth for a size": (with_file({"size": True, "sha256": DIGEST}), '"size" of'),
    "empty": (with_file({"size": 0, "sha256": DIGEST}), '"size" of'),
    "enormous": (with_file({"size": 10**15, "sha256": DIGEST}), "must be from 1 to 47040016, the real file's"),
    "a short digest": (with_file({"size": 1, "sha256": "12"}), '"sha256" of "train-images-idx3-ubyte" must be 64'),
    "no digest": (with_file({"size": 1}), "must be an object with the keys sha256, size"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_declaration_is_explained(case, tmp_path):
    text, reason = WRONG[case]
    with pytest.raises(UsageError) as caught:
        declare(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"'{tmp_path}/mnist/stand-in.json' does not declare a stand-in: ")
    assert reason in message
    assert "It must be of the form" in message and "Choose another data directory" in message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=40, deadline=None)
@given(text=st.binary(max_size=80) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_nonsense_is_refused(text, tmp_path_factory):
    with pytest.raises(UsageError):
        declare(tmp_path_factory.mktemp("nonsense"), text)


@settings(max_examples=60, deadline=None)
@given(key=st.sampled_from(["stand_in_for", "name", "files"]), value=_JSON, entry=_JSON)
def test_a_declaration_with_nonsense_in_it_is_refused_or_right(key, value, entry, tmp_path_factory):
    for document in (changed(**{key: value}), with_file(entry)):
        try:
            location = declare(tmp_path_factory.mktemp("nonsense"), document)
        except UsageError:
            continue
        assert key == "name" and location.stand_in == value
