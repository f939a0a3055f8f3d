"""A page is built once for each version, however many ask for it at once."""

import threading

import pytest

from lodo_bench.server.page_cache import PageCache


class Source:
    """Versions that are set, pages that are counted, and a clock that is set."""

    def __init__(self):
        self.version, self.built, self.now, self.build_seconds = "1", [], 0.0, 0.0
        self.cache = PageCache(lambda: self.version, self.build, lambda: self.now)

    def build(self, version):
        self.built.append(version)
        self.now += self.build_seconds
        return f"page {version}".encode()


@pytest.fixture
def source():
    return Source()


def test_a_page_is_kept_until_the_version_changes(source):
    assert [source.cache.page() for _ in range(3)] == [b"page 1"] * 3
    source.version = "2"
    assert (source.cache.version(), source.cache.page()) == ("2", b"page 2")
    assert source.built == ["1", "2"]


def test_a_change_while_a_page_is_built_is_another_version(source):
    real = source.build

    def build(version):
        source.version = "2"
        return real(version)

    source.cache = PageCache(lambda: source.version, build, lambda: source.now)
    assert source.cache.page() == b"page 1"
    assert source.cache.version() == "2"
    assert source.cache.page() == b"page 2"


def test_a_page_that_takes_long_is_kept_for_longer(source):
    source.build_seconds = 5.0
    source.cache.page()
    source.version = "2"
    source.now += 19.0
    assert (source.cache.version(), source.cache.page()) == ("1", b"page 1")
    source.now += 1.0
    assert (source.cache.version(), source.cache.page()) == ("2", b"page 2")
    source.version, source.build_seconds = "3", 1000.0
    source.now += 20.0
    source.cache.page()
    source.version = "4"
    source.now += 60.0
    assert source.cache.version() == "4"


def test_those_who_ask_at_once_wait_for_one_page():
    started, release, built, pages = threading.Event(), threading.Event(), [], []

    def build(version):
        built.append(version)
        started.set()
        assert release.wait(30)
        return b"page"

    cache = PageCache(lambda: "1", build)
    threads = [threading.Thread(target=lambda: pages.append(cache.page())) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert started.wait(30)
    release.set()
    for thread in threads:
        thread.join(30)
    assert (built, pages) == (["1"], [b"page"] * 5)


def test_a_failure_is_not_kept(source):
    def build(version):
        if not source.built:
            source.built.append(version)
            raise ValueError("once")
        return b"page"

    source.cache = PageCache(lambda: "1", build)
    with pytest.raises(ValueError, match="once"):
        source.cache.page()
    assert source.cache.page() == b"page"
