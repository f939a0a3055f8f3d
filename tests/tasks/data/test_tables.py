import pytest
import torch

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
    ],
)
def test_mistakes_are_located(write, text, message):
    with pytest.raises(UsageError, match=message):
        load_table(write(text))


def test_a_file_that_is_not_there():
    with pytest.raises(UsageError, match=r"cannot read 'none\.csv': No such file"):
        load_table("none.csv")
