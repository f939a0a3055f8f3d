import os

import pytest
import torch

from lodo_bench.compute import memory
from lodo_bench.errors import UsageError
from lodo_bench.tasks.data.tables import load_table


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


CSV = "a, b, kind\n1, 5, yes\n2, 5, no\n\n3, 5, yes\n"


@pytest.mark.parametrize("text", [CSV, CSV.partition("\n")[2], "\ufeff" + CSV, CSV.replace("\n", "\r\n")])
def test_a_csv_file_with_or_without_a_header(write, text):
    table = load_table(write(text))
    assert table.labels == ("no", "yes")
    assert table.classes.tolist() == [1, 0, 1]
    expected = torch.tensor([[-1.0, 0], [0, 0], [1, 0]], dtype=torch.float64) * 1.5**0.5
    torch.testing.assert_close(table.features, expected)


def test_a_libsvm_file(write):
    table = load_table(write("+1 1:0.5 3:2\n-1 2:1 # a comment\n+1 1:0.5 3:2\n", "data.txt"))
    assert table.labels == ("-1", "+1")
    assert table.classes.tolist() == [1, 0, 1]
    raw = torch.tensor([[0.5, 0, 2], [0, 1, 0], [0.5, 0, 2]], dtype=torch.float64)
    torch.testing.assert_close(table.features, (raw - raw.mean(0)) / raw.std(0, correction=0))


def test_numeric_classes_are_in_numeric_order(write):
    assert load_table(write("1,10\n2,9\n3,2\n")).labels == ("2", "9", "10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "has a header only"),
        ("1,2,x\n1,y\n", "line 2: 2 columns: must be 3"),
        ("1,2,x\n\n1,b,y\n", "line 3: invalid feature ' ?b': must be a finite number"),
        ("1,nan,x\n1,2,y\n", "line 1: invalid feature 'nan'"),
        ("1,2,x\n1,2,x\n", "has 1 different classes in its last column: must be 2 to 1,000"),
        ("1 0:3\n2 1:4\n", "line 1: invalid '0:3': must be INDEX:VALUE"),
        ("1 1:x\n2 1:4\n", "line 1: invalid feature 'x'"),
        ("1\n2\n", "has no features"),
        (b"\xff\xfe\xfa,1\n", "is not text in UTF-8"),
        ('1,2,"x\n3,4,y\n', "line 2: unexpected end of data"),
        (f"1,{'9' * 140_000},x\n1,2,y\n", "line 1: field larger than field limit"),
        (f"1 {'9' * 5000}:2\n2 1:3\n", r"line 1: invalid '9{30}\.\.\. \(5,002 characters\)': must be INDEX:VALUE"),
        ("1 1:2 1:3\n2 1:3\n", "line 1: the index 1 appears twice"),
        ("1 1:2\n2,3\n", "line 2: invalid class '2,3': must have no comma"),
        ("1_000,2,a\n1,2,b\n", "line 1: invalid feature '1_000'"),
        ("\u0663,2,a\n1,2,b\n", "line 1: invalid feature '\u0663'"),
        ("1 \u0663:2\n2 1:3\n", "line 1: invalid '\u0663:2': must be INDEX:VALUE"),
        ("1,2,\n1,2,b\n", "line 1: the class is missing"),
        ("1,2,b\n1,2,NaN\n", "line 2: the class is missing"),
        ("1,1e400,a\n1,2,b\n", "line 1: invalid feature '1e400'"),
        ("1 1:2 2000000000:3\n2 1:3\n", "with 2 examples of 2,000,000,000 features needs at least 128.0 GB"),
        ("# nothing\n", "is empty"),
    ],
)
def test_mistakes_are_located(write, text, message):
    with pytest.raises(UsageError, match=message):
        load_table(write(text))


def test_quoted_cells_may_have_line_breaks(write):
    table = load_table(write('a,"b\nc",class\n1,2,x\n3,4,"y\nz"\n'))
    assert table.labels == ("x", "y\nz")
    with pytest.raises(UsageError, match="line 5: 2 columns: must be 3"):
        load_table(write('a,"b\nc",class\n1,2,"x\ny"\n3,4\n'))


def test_comments_of_libsvm_files_may_have_lines_of_their_own(write):
    table = load_table(write("# first\n1 1:2\n# 7 1:2\n\n2 1:3 # 2:5\n"))
    assert table.labels == ("1", "2")
    assert table.features.shape == (2, 1)


def test_equal_numbers_are_one_class(write):
    table = load_table(write("1,+1\n2,1\n3,01\n4,1.0\n5,-1\n"))
    assert table.labels == ("-1", "+1")
    assert table.classes.tolist() == [1, 1, 1, 1, 0]
    assert load_table(write("1,a\n2,1\n3,1.0\n")).labels == ("1", "1.0", "a")


def test_features_are_numbers_of_double_precision(write):
    table = load_table(write("1e39,007,a\n-1e39,-00.5,b\n"))
    assert torch.equal(table.features.abs(), torch.ones(2, 2, dtype=torch.float64))


@pytest.mark.parametrize("path", ["/dev/zero", "pipe"])
def test_what_has_no_end_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if path == "pipe":
        os.mkfifo(path)
    with pytest.raises(UsageError, match=f"'{path}' is no regular file, but a pipe or a device"):
        load_table(path)


def test_a_file_that_does_not_fit_in_memory_is_refused(write, monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 300)
    with pytest.raises(UsageError, match="not enough memory"):
        load_table(write(CSV))


def test_a_file_that_is_not_there():
    with pytest.raises(UsageError, match=r"cannot read 'none\.csv': No such file"):
        load_table("none.csv")
