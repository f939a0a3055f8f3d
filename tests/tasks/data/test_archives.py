"""Archives are taken apart safely, whatever is in them."""

import gzip
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodo_bench.tasks.data.archives import unpack
from lodo_bench.tasks.data.contents import InvalidFileError
from tests.tasks.data.synthetic import CONTENTS, FOLDER, archive, archived, member

FIRST, SECOND = ((f"{FOLDER}/{name}", content) for name, content in CONTENTS.items())


def take_apart(tmp_path, content, *, checked=False):
    """Unpack an archive that is not checked as a whole, unless asked, and return what is in the folder then."""
    (piece,) = archived(content=content, checked=checked).downloads
    path, folder = tmp_path / "archive", tmp_path / "outer" / "folder"
    folder.mkdir(parents=True)
    path.write_bytes(content)
    try:
        unpack(piece, path, FOLDER, folder)
    finally:
        assert {p.name for p in tmp_path.iterdir()} == {"archive", "outer"}
        assert {p.name for p in folder.parent.iterdir()} == {"folder"}
        assert all(p.name in CONTENTS and p.read_bytes() == CONTENTS[p.name] for p in folder.iterdir())
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("checked", [True, False])
def test_the_wanted_files_are_unpacked(checked, tmp_path):
    assert take_apart(tmp_path, archive(), checked=checked) == sorted(CONTENTS)


@pytest.mark.parametrize(
    "stranger",
    [
        member("../../escaped", b"x"),
        member("/tmp/escaped-by-a-whole-path", b"x"),
        member(f"{FOLDER}/../first.bin", b"x"),
        member("first.bin", b"x"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc"),
        member("link/first.bin", b"x"),
        member("device", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        member(f"{FOLDER}/readme.html", b"x" * 1000),
    ],
    ids=lambda stranger: stranger[0].name,
)
def test_other_members_are_left_where_they_are(stranger, tmp_path):
    assert take_apart(tmp_path, archive([stranger, member(*FIRST), member(*SECOND)])) == sorted(CONTENTS)


BAD = {
    "symbolic link": ([member(FIRST[0], type=tarfile.SYMTYPE, linkname="/etc/passwd")], "not a regular file"),
    "hard link": ([member(FIRST[0], type=tarfile.LNKTYPE, linkname=SECOND[0])], "not a regular file"),
    "directory": ([member(FIRST[0], type=tarfile.DIRTYPE)], "not a regular file"),
    "pipe": ([member(FIRST[0], type=tarfile.FIFOTYPE)], "not a regular file"),
    "device": ([member(FIRST[0], type=tarfile.CHRTYPE, devmajor=1, devminor=5)], "not a regular file"),
    "short": ([member(FIRST[0], FIRST[1][:-1])], "is truncated"),
    "long": ([member(FIRST[0], FIRST[1] + b"x")], "contains too much"),
    "altered": ([member(FIRST[0], b"x" * len(FIRST[1]))], "is altered: the md5 of its content"),
    "missing": ([member(*FIRST)], f"lacks {SECOND[0]}"),
    "nothing": ([], "lacks"),
    "huge stranger": ([member("bomb", bytes(10_000_000)), member(*FIRST), member(*SECOND)], "contains too much"),
    "many strangers": ([*(member(f"{i}") for i in range(200)), member(*FIRST), member(*SECOND)], "contains too much"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_archive_is_refused(case, tmp_path):
    members, reason = BAD[case]
    with pytest.raises(InvalidFileError, match=reason):
        take_apart(tmp_path, archive(members))


def test_of_two_members_of_a_name_the_first_counts(tmp_path):
    members = [member(*FIRST), member(FIRST[0], b"x" * len(FIRST[1])), member(*SECOND)]
    assert take_apart(tmp_path, archive(members)) == sorted(CONTENTS)


def test_what_is_right_before_a_flaw_is_kept(tmp_path):
    with pytest.raises(InvalidFileError, match="is altered"):
        take_apart(tmp_path, archive([member(*SECOND), member(FIRST[0], b"x" * len(FIRST[1]))]))
    assert [p.name for p in (tmp_path / "outer" / "folder").iterdir()] == ["second.bin"]


def test_an_altered_archive_is_not_even_opened(tmp_path):
    content = archive()
    (piece,) = archived(content=content).downloads
    path = tmp_path / "archive"
    for wrong, reason in ((content[:-1], f"instead of {len(content):,}"), (content[:-1] + b"?", "its sha256 is")):
        path.write_bytes(wrong)
        with pytest.raises(InvalidFileError, match=reason):
            unpack(piece, path, FOLDER, tmp_path)
    with pytest.raises(InvalidFileError, match="its sha256 is"):
        unpack(replace(piece, size=None), path, FOLDER, tmp_path)


@settings(max_examples=60, deadline=None)
@given(
    where=st.integers(0, 10**6), change=st.integers(1, 255), end=st.none() | st.integers(0, 10**6), plain=st.booleans()
)
def test_a_broken_archive_is_refused_or_right(where, change, end, plain, tmp_path_factory):
    content = bytearray(gzip.decompress(archive()) if plain else archive())
    content[where % len(content)] ^= change
    content = bytes(content[: None if end is None else end % len(content)])
    try:
        found = take_apart(tmp_path_factory.mktemp("broken"), gzip.compress(content, 1) if plain else content)
    except InvalidFileError:
        return
    assert found == sorted(CONTENTS)
