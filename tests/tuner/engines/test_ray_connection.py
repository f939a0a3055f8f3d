"""Addresses at which there is no Ray cluster, and places where none can start."""

import socket
import sys
import tempfile
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.engines.ray import local, remote
from lodo_bench.tuner.engines.ray.local import scratch_directory, start_local
from lodo_bench.tuner.engines.ray.remote import join_cluster
from lodo_bench.tuner.engines.ray.shipping import modules_to_ship


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    """Make it an error to get as far as Ray."""
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda **_: pytest.fail("Ray was asked")))


@contextmanager
def listening(answer):
    """Listen, and give an answer to whoever speaks; None says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if answer is None:
                    connection.recv(1000)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_what_listens_and_is_not_ray_is_told(monkeypatch, answer):
    monkeypatch.setattr(remote, "_CONNECT_SECONDS", 0.5)
    with (
        listening(answer) as port,
        pytest.raises(UsageError, match="what listens there is not Ray") as caught,
    ):
        join_cluster(f"127.0.0.1:{port}", [])
    assert caught.value.remedy is Remedy.CHOOSE_CLUSTER


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UsageError, match=f"no Ray cluster responds at '127.0.0.1:{port}': .*refused"):
        join_cluster(f"127.0.0.1:{port}", [])


def test_an_address_has_no_protocol():
    with pytest.raises(UsageError, match="without a protocol"):
        join_cluster("ray://127.0.0.1:10001", [])


def test_a_long_temporary_directory_is_avoided(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with scratch_directory() as scratch:
        assert scratch.is_dir()
        assert len(str(scratch)) < 60
    assert not scratch.exists()


def test_no_directory_is_short_enough(monkeypatch):
    monkeypatch.setattr(local, "_LONGEST_PATH", 10)
    with pytest.raises(UsageError, match="no writable temporary directory") as caught, scratch_directory():
        pass
    assert caught.value.remedy is Remedy.SHORTEN_TEMPORARY_DIRECTORY


def test_ray_that_does_not_start_is_explained(monkeypatch, tmp_path):
    def init(**_):
        raise Exception("The current node timed out during startup.\nMore.")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    monkeypatch.setattr(local, "_without_helpers", scratch_directory)
    monkeypatch.setattr(local, "use_authentication", lambda mode: None)
    with pytest.raises(UsageError, match="Ray cannot start: The current node timed out") as caught:
        start_local(1, tmp_path)
    assert caught.value.remedy is Remedy.USE_ONE_PROCESS
    assert "\n" not in str(caught.value)


def test_the_package_is_shipped_and_own_modules_with_those_beside_them(monkeypatch, tmp_path):
    for name in ("mine_a", "mine_b", "mine_unused"):
        (tmp_path / f"{name}.py").write_text("import mine_b, mine_package\n" if name == "mine_a" else "")
    (tmp_path / "mine_package").mkdir()
    (tmp_path / "mine_package" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    package, *own = modules_to_ship(["adam", "mine_a:Mine"])
    assert package.endswith("lodo_bench")
    assert own == [str(tmp_path / name) for name in ("mine_a.py", "mine_b.py", "mine_package")]
    assert modules_to_ship(["adam"]) == [package]
