"""What `data status` tells."""

from lodo_bench.tasks.data.catalog import CIFAR10, MNIST
from lodo_bench.tasks.data.inventory import verify
from tests.stand_in_data import write_cifar10, write_mnist, write_stand_in


def states(status):
    return [file.state for file in status.files]


def test_nothing_is_there(tmp_path):
    status = verify(MNIST, tmp_path)
    assert states(status) == ["missing"] * 4
    assert [file.path for file in status.files] == [tmp_path / "mnist" / file.name for file in MNIST.files]
    assert not status.ready and not any(file.problem for file in status.files)


def test_all_is_there(tmp_path):
    status = verify(CIFAR10, write_cifar10(tmp_path, 1, 1, subfolder="cifar-10-batches-bin"))
    assert states(status) == ["verified"] * 6
    assert status.ready and status.location.stand_in == "tiny"
    assert status.files[0].path == tmp_path / "cifar10" / "cifar-10-batches-bin" / "data_batch_1.bin"


def test_one_is_damaged_and_one_is_missing(tmp_path):
    write_mnist(tmp_path, 3, 2)
    (tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(b"x")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    status = verify(MNIST, tmp_path)
    assert states(status) == ["verified", "verified", "damaged", "missing"]
    assert "is truncated" in status.files[2].problem
    assert not status.ready


def test_files_that_are_as_declared_but_in_no_format(tmp_path):
    status = verify(MNIST, write_stand_in(tmp_path, "mnist", {file.name: b"x" for file in MNIST.files}))
    assert states(status) == ["verified"] * 4
    assert "is not an idx file" in status.problem
    assert not status.ready
