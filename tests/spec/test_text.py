"""Texts that can be stored and shown anywhere."""

import pytest

from lodo_bench.spec.text import is_plain, printable


@pytest.mark.parametrize("text", ["", "a b", "é — 日本語", "שלום", "👩‍🔬", "[red]<b>$x$</b>"])
def test_words_of_all_languages_are_plain(text):
    assert is_plain(text)
    assert printable(text) == text


@pytest.mark.parametrize(
    "text", ["\x00", "\x1b[31m", "a\nb", "a\tb", "\u202eabc", "\u2067", "\ud800", "\u2028", "\x85"]
)
def test_what_changes_a_terminal_or_the_order_of_a_line_is_not_plain(text):
    assert not is_plain(text)


def test_control_characters_are_shown_as_escapes():
    assert printable("a\x1b[31m\u202eb\ud800") == "a\\x1b[31m\\u202eb\\ud800"
    assert printable("a\nb\udcff") == "a\nb\udcff"
