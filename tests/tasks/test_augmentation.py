"""Random crops and flips."""

import pytest
import torch

from lodo_bench.tasks.augmentation import NUM_VARIANTS, augment


def image():
    return torch.randn(1, 3, 8, 6, generator=torch.Generator().manual_seed(0))


def by_hand(image, row, column, flipped):
    _, channels, height, width = image.shape
    padded = torch.zeros(channels, height + 8, width + 8)
    padded[:, 4:-4, 4:-4] = image[0]
    crop = padded[:, row : row + height, column : column + width]
    return (crop.flip(2) if flipped else crop)[None]


def test_every_variant_is_what_it_says():
    assert NUM_VARIANTS == 162
    variants = torch.arange(NUM_VARIANTS)
    found = augment(image().repeat(NUM_VARIANTS, 1, 1, 1), variants)
    for variant, each in enumerate(found):
        row, column = divmod(variant // 2, 9)
        assert torch.equal(each[None], by_hand(image(), row, column, variant % 2))


def test_the_one_in_the_middle_is_the_image_itself():
    middle = torch.tensor([2 * (9 * 4 + 4)])
    assert torch.equal(augment(image(), middle), image())
    assert torch.equal(augment(image(), middle + 1), image().flip(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_images_stay_as_precise_as_they_are_and_apart(dtype):
    images = torch.randn(5, 3, 8, 6, generator=torch.Generator().manual_seed(0), dtype=dtype)
    variants = torch.tensor([0, 1, 80, 81, 161])
    together = augment(images, variants)
    assert together.dtype == dtype
    assert torch.equal(together, torch.cat([augment(images[i : i + 1], variants[i : i + 1]) for i in range(5)]))
