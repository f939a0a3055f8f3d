"""Work shared among threads: all of it is done, once, by as many threads as PyTorch has, and errors are not lost."""

import multiprocessing
import sys
import threading

import pytest
import torch

from lodo_bench.compute.threads import parallel_for, single_thread


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def parts(count, pieces):
    found = []
    parallel_for(lambda start, stop: found.append((start, stop)), count, pieces)
    return sorted(found)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("count", "pieces", "expected"), [(10, 2, 2), (10, 9, 3), (2, 9, 2), (10, 1, 1), (10, 0, 1)])
def test_the_parts_are_the_whole(count, pieces, expected):
    found = parts(count, pieces)
    assert len(found) == expected
    assert [i for start, stop in found for i in range(start, stop)] == list(range(count))


@pytest.mark.usefixtures("three_threads")
def test_parts_are_worked_on_at_the_same_time():
    together = threading.Barrier(3, timeout=60)
    parallel_for(lambda start, stop: together.wait(), 3, 3)


@pytest.mark.usefixtures("three_threads")
def test_on_one_thread_all_is_done_by_the_caller():
    with single_thread():
        threads = []
        parallel_for(lambda start, stop: threads.append(threading.current_thread()), 10, 3)
    assert threads == [threading.current_thread()]
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_any_part_reaches_the_caller_when_all_have_ended(failing):
    ended = []

    def work(start, stop):
        if start == failing:
            raise ZeroDivisionError
        ended.append(start)

    with pytest.raises(ZeroDivisionError):
        parallel_for(work, 3, 3)
    assert len(ended) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("three_threads")
def test_a_forked_process_has_threads_of_its_own():
    parts(3, 3)
    child = multiprocessing.get_context("fork").Process(target=parts, args=(3, 3))
    child.start()
    child.join(60)
    assert child.exitcode == 0
