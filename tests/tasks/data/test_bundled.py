import torch

from lodo_bench.tasks.data.bundled import load_digits, load_manual


def test_the_digits_are_those_of_the_repository():
    digits = load_digits()
    assert digits.pixels.shape == (1797, 64)
    assert (digits.pixels.min(), digits.pixels.max()) == (0, 16)
    assert digits.classes.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # its documentation
    assert digits.pixels[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_the_parts_are_disjoint_and_all():
    parts = [load_digits().part(name)[0] for name in ("training", "validation", "test")]
    assert [len(part) for part in parts] == [1199, 299, 299]
    assert sorted(torch.cat(parts).tolist()) == sorted((load_digits().pixels / 16).tolist())


def test_the_text_is_printable_english():
    text = load_manual()
    assert 50_000 < len(text) < 60_000
    assert all(character == "\n" or character.isprintable() for character in text)
    assert text.isascii()
    assert text.count(" the ") > 200
