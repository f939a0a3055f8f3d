"""Checkpoints, stored networks and data sets after accidents: no code of theirs runs, and nothing wrong is used."""

import os
import pickle
import random
import zipfile

import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.tasks.data.contents import InvalidFileError
from lodo_bench.tasks.data.formats import parse_cifar10, parse_idx, parse_mnist
from lodo_bench.training.checkpoint import Checkpoint, load_parameters
from tests import stand_in_data
from tests.faults.test_damaged_databases import broken
from tests.helpers import training_spec

STATE = {"trainer": {"x": torch.arange(2000.0)}, "seconds": 1.5}


class Code:
    """What runs a program when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.db.checkpoints" / "3-0.pt"


@pytest.fixture
def notices():
    return []


@pytest.fixture
def checkpoint(path, notices):
    return Checkpoint(path, "owner", 1.0, notices.append)


def test_a_damaged_checkpoint_is_told_and_never_read_otherwise(path, checkpoint, notices, cases, injected):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    checkpoint.write(training_spec(), STATE)
    content = path.read_bytes()
    for _ in range(cases):
        path.write_bytes(broken(content, rng))
        notices.clear()
        found = checkpoint.read(training_spec())
        if found is None:
            assert str(path) in notices[0] and notices[0].endswith("this run starts over."), seed
        else:
            assert torch.equal(found["trainer"]["x"], STATE["trainer"]["x"]) and found["seconds"] == 1.5, seed
    injected("A checkpoint cut short or with other bytes", "It is named and the run starts over, or it is whole", cases)


@pytest.mark.parametrize("kind", ["pickle", "torch", "zip"])
def test_a_checkpoint_with_code_is_refused_and_the_code_does_not_run(
    kind, tmp_path, path, checkpoint, notices, injected
):
    path.parent.mkdir()
    trace = tmp_path / "trace"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Code(trace)))
    elif kind == "torch":
        torch.save({"format": 2, "identity": Code(trace)}, path)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Code(trace)))
            archive.writestr("../outside", "x")
    assert checkpoint.read(training_spec()) is None
    assert len(notices) == 1 and not trace.exists() and not (tmp_path / "outside").exists()
    path.rename(path.with_suffix(".parameters.pt"))
    with pytest.raises(UsageError, match="cannot be read"):
        load_parameters(path.parent, 3, 0)
    assert not trace.exists()
    injected("A checkpoint or a stored network with code in it", "The code does not run", 2)


def files():
    """The files of both data sets by name, as small as they can be."""
    rng = random.Random(0)
    idx = {
        f"{half}-{what}": stand_in_data.idx(
            torch.tensor([rng.randrange(10) for _ in range(2 * size)]).byte().numpy().reshape(shape)
        )
        for half in ("train", "t10k")
        for what, size, shape in (("images-idx3-ubyte", 784, (2, 28, 28)), ("labels-idx1-ubyte", 1, (2,)))
    }
    return idx, {name: bytes(2 * 3073) for name in stand_in_data.CIFAR10_FILES}


@pytest.mark.parametrize(("parse", "contents"), [*zip((parse_mnist, parse_cifar10), files(), strict=True)])
def test_a_damaged_data_file_is_refused_or_has_the_right_shapes(parse, contents, cases, injected):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(cases):
        name = rng.choice(sorted(contents))
        content = bytearray(contents[name])
        match rng.randrange(3):
            case 0:
                del content[rng.randrange(len(content)) :]
            case 1:
                content[rng.randrange(min(len(content), 20))] = rng.randrange(256)
            case _:
                content += rng.randbytes(rng.randint(1, 4000))
        try:
            found = parse({**contents, name: bytes(content)})
        except InvalidFileError as error:
            assert name.split("-")[0] in str(error), seed
        else:
            assert len(found.train_images) == len(found.train_labels), seed
            assert found.train_labels.max() < 10 and found.test_labels.max() < 10, seed
    injected(
        "A file of a data set cut short, longer, or with other bytes", "It is refused by name, or its shapes fit", cases
    )


def test_a_header_that_promises_more_than_there_is_takes_no_memory():
    with pytest.raises(InvalidFileError, match="its header says"):
        parse_idx(b"\0\0\x08\x04" + b"\xff" * 16, "images")
