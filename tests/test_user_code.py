"""Code outside this package, as it runs: its output, and its wish to end the program."""

import sys
import threading

import pytest

from lodo_bench.errors import EndOfProgramError
from lodo_bench.user_code import foreign


def test_what_it_prints_goes_to_standard_error(capsys):
    with foreign():
        print("one")
        with foreign():
            print("two")
        print("three")
    print("four")
    assert capsys.readouterr() == ("four\n", "one\ntwo\nthree\n")


@pytest.mark.parametrize(("error", "text"), [(SystemExit(3), "SystemExit: 3"), (GeneratorExit(), "GeneratorExit")])
def test_it_cannot_end_the_program(error, text):
    before = sys.stdout
    with pytest.raises(EndOfProgramError, match=f"^{text}$"), foreign():
        raise error
    assert sys.stdout is before


def test_an_interrupt_passes():
    with pytest.raises(KeyboardInterrupt), foreign():
        raise KeyboardInterrupt


def test_threads_that_overlap_leave_standard_output_as_it_was():
    before, inside, over = sys.stdout, threading.Event(), threading.Event()

    def first():
        with foreign():
            inside.set()
            over.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with foreign():
        over.set()
        thread.join()
        assert sys.stdout is sys.stderr
    assert sys.stdout is before
