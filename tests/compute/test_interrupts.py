"""Interrupts that wait for the end of what must not be cut in two."""

import os
import signal
import threading

import pytest

from lodo_bench.compute.interrupts import defer_interrupts, preserve_signal_handlers


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request):
    def stop(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(request.param, stop)
    yield request.param
    signal.signal(request.param, before)


def test_an_interrupt_arrives_at_the_end(number):
    done = []
    with pytest.raises(KeyboardInterrupt), defer_interrupts():
        os.kill(os.getpid(), number)
        done.append(1)
    assert done == [1]


def test_the_second_interrupt_arrives_at_once(number):
    done = []
    with pytest.raises(KeyboardInterrupt), defer_interrupts():
        os.kill(os.getpid(), number)
        done.append(1)
        os.kill(os.getpid(), number)
        done.append(2)
    assert done == [1]


def test_an_error_does_not_hide_an_interrupt(number):
    with pytest.raises(KeyboardInterrupt), defer_interrupts():
        os.kill(os.getpid(), number)
        raise ValueError


def test_handlers_are_as_before(number):
    before = signal.getsignal(number)
    with defer_interrupts():
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


def test_what_nobody_handles_is_left_alone():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with defer_interrupts():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_it_does_nothing():
    errors = []

    def work():
        try:
            with defer_interrupts():
                pass
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []


def test_what_others_do_to_the_handlers_is_taken_back(number):
    before = signal.getsignal(number)
    with preserve_signal_handlers():
        signal.signal(number, signal.SIG_IGN)
    assert signal.getsignal(number) is before
