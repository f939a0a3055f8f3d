"""`lodo-bench sample`: pictures of a run on stand-in data."""

import numpy as np
import pytest
import torch
from PIL import Image

from lodo_bench.tasks.networks import pixel_cnn
from tests import stand_in_data
from tests.cli.runner import Place

FRAME = 4
ZOOM = 4
CELL = 28 * ZOOM + FRAME


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A finished run of a network, and one of another task."""
    place = Place(tmp_path_factory.mktemp("sample"))
    stand_in_data.write_mnist(place.directory / "images", train=66, test=1)
    network = (
        "run",
        "--task",
        "mnist",
        "--optimizer",
        "adam",
        "-T",
        "batch_size=2",
        "-T",
        "test_samples=2",
    )
    assert run_here(place, *network, "--steps", 2, "--seeds", 1).code == 0
    assert run_here(place, "run", "--task", "rosenbrock", "--optimizer", "adam", "--seeds", 1).code == 0
    return place


def run_here(place, *arguments):
    return place.run_here(*arguments, **surroundings(place))


def surroundings(place):
    return {"LODO_BENCH_DATA": place.directory / "images"}


def picture(path):
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


def bright_beside_bright(parameters, inputs):
    """Stands in for the network, which takes a second for each row of an image: brightness follows what is visible."""
    visible = inputs.flatten(1).sum(1, keepdim=True)
    return -(torch.arange(256) / 64 - visible / 100).square()


def test_images_are_drawn_and_are_the_same_again(place, monkeypatch):
    monkeypatch.setattr(pixel_cnn, "logits", bright_beside_bright)
    first, second = place.work / "run-set-1-seed-0-samples.png", place.work / "again.png"
    result = run_here(place, "sample", 1, "--images", 1)
    assert (result.code, result.stdout, result.stderr.splitlines()[-1]) == (0, "", f"Wrote {first.name}.")
    assert run_here(place, "sample", 1, "--images", 1, "--output", second.name).code == 0
    assert picture(first).shape == (CELL + FRAME, CELL + FRAME)
    assert len(np.unique(picture(first))) > 10
    assert np.array_equal(picture(first), picture(second))


def test_the_files_written_can_be_told_as_json(place):
    result = run_here(place, "sample", 1, "--inputs", "-o", "told.png", "--json")
    assert (result.code, result.document) == (0, {"schema": 1, "run_set": 1, "seed": 0, "files": ["told.png"]})
    (place.work / "told.png").unlink()


def test_images_are_in_a_square(place, monkeypatch):
    monkeypatch.setattr(pixel_cnn, "logits", lambda parameters, inputs: torch.zeros(len(inputs), 256))
    assert run_here(place, "sample", 1, "--images", 3, "--output", "square.png").code == 0
    assert picture(place.work / "square.png").shape == (2 * CELL + FRAME, 2 * CELL + FRAME)


def test_inputs_are_five_channels_for_each_image_of_the_first_batch(place):
    result = run_here(place, "sample", 1, "--inputs", "--output", "inputs.png")
    assert result.code == 0
    assert picture(place.work / "inputs.png").shape == (2 * CELL + FRAME, 5 * CELL + FRAME)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((7,), "unknown run set '7'. Known: 1, 2."),
        ((2,), "rosenbrock does not generate images; only mnist does."),
        ((1, "--seed", 3), "run set 1 has no seed 3. Its seeds are 0 to 0."),
        ((1, "--output", "no/such/place.png"), "cannot write 'no/such/place.png'"),
        ((1, "--output", "."), "it is a directory"),
        ((1, "--device", "tpu"), "unknown device 'tpu'"),
    ],
)
def test_a_mistake_is_explained_and_writes_nothing(place, arguments, message):
    before = sorted(place.work.iterdir())
    result = run_here(place, "sample", *arguments)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.message
    assert "Traceback" not in result.stderr
    assert sorted(place.work.iterdir()) == before


def test_a_run_without_parameters_is_explained(place):
    kept = place.database.with_name("results.db.checkpoints") / "1-0.parameters.pt"
    moved = kept.rename(kept.with_suffix(".moved"))
    result = run_here(place, "sample", 1, "--images", 1)
    moved.rename(kept)
    assert result.code == 2
    assert "no parameters are stored for run set 1, seed 0" in result.message


def test_a_run_without_its_data_names_the_file_and_leaves_no_database(tmp_path):
    place = Place(tmp_path)
    for task, file in (("mnist", "train-images-idx3-ubyte"), ("cifar10", "data_batch_1.bin")):
        for command in (("run",), ("tune", "--workers", 0)):
            result = place.run_here(
                *command, "--task", task, "--optimizer", "adam", LODO_BENCH_DATA=place.directory / "none"
            )
            assert (result.code, result.stdout) == (2, "")
            assert f"{file}' is missing" in result.message
            assert f"lodo-bench data fetch {task}" in result.message
            assert len(result.stderr.splitlines()) == 1
    assert not place.database.parent.exists()
