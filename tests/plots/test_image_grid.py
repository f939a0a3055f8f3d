"""Grids of images as PNG files."""

import io

import numpy as np
from PIL import Image

from lodo_bench.plots.image_grid import grid, write_grid


def images(count, height=3, width=2):
    return np.random.default_rng(0).integers(0, 256, (count, height, width), dtype=np.uint8)


def test_every_image_is_in_its_cell_enlarged_and_framed():
    given = images(5)
    whole = grid(given, columns=3)
    assert whole.shape == (4 + 2 * (12 + 4), 4 + 3 * (8 + 4))
    for index, image in enumerate(given):
        top, left = 4 + index // 3 * 16, 4 + index % 3 * 12
        assert np.array_equal(whole[top : top + 12 : 4, left : left + 8 : 4], image)
        assert np.array_equal(whole[top + 3 : top + 12 : 4, left + 3 : left + 8 : 4], image)
    assert (whole[:4] == 128).all() and (whole[:, :4] == 128).all()
    assert (whole[20:, 28:] == 128).all(), "the place of the sixth is empty"


def test_the_file_is_a_png_of_the_grid():
    file = io.BytesIO()
    write_grid(file, images(2), columns=2)
    file.seek(0)
    with Image.open(file) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        assert np.array_equal(np.asarray(image), grid(images(2), columns=2))
