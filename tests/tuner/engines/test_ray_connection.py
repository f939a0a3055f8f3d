"""Addresses at which there is no Ray cluster, and places where none can start."""

import os
import socket
import sys
import tempfile
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from lodo_bench.compute import sockets
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.tuner.engines.ray import authentication, local, remote
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
    monkeypatch.setattr(sockets, "_LONGEST_PATH", 10)
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


# Tokens


class Asking:
    """A cluster that asks for a token, or for none, and what is chosen when someone connects."""

    def __init__(self, monkeypatch, token, chosen=None):
        self.token, self.modes = token, []
        monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
        if chosen:
            monkeypatch.setenv("RAY_AUTH_MODE", chosen)
        monkeypatch.setattr(remote, "check_reachable", lambda address: None)
        monkeypatch.setattr(authentication, "use_authentication", self.modes.append)
        monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=self.connect))

    def connect(self, **_):
        mode = self.modes[-1]
        if self.token == "another" or (self.token == "mine" and mode == "disabled"):
            os.write(2, b"Unauthenticated: InvalidAuthToken\n")
            raise ConnectionError("cannot connect")


@pytest.mark.parametrize(
    ("token", "chosen", "modes"),
    [
        ("none", None, ["disabled"]),
        ("mine", None, ["disabled", "token"]),
        ("mine", "token", ["token"]),
        ("none", "disabled", ["disabled"]),
    ],
)
def test_a_token_is_used_where_it_is_asked_for(monkeypatch, token, chosen, modes):
    cluster = Asking(monkeypatch, token, chosen)
    join_cluster("there:6379", [])
    assert cluster.modes == modes


@pytest.mark.parametrize("chosen", [None, "token", "disabled"])
def test_a_token_that_is_missing_is_what_is_told(monkeypatch, chosen):
    Asking(monkeypatch, "another", chosen)
    with pytest.raises(UsageError, match=r"'there:6379' cannot be used: it asks for a token.*RAY_AUTH_TOKEN") as caught:
        join_cluster("there:6379", [])
    assert caught.value.remedy is None
    assert ("unset it" in str(caught.value)) == (chosen == "disabled")


def test_another_failure_than_that_of_a_token_is_told_as_it_is(monkeypatch):
    cluster = Asking(monkeypatch, "none")
    cluster.connect = None
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda **_: 1 / 0))
    with pytest.raises(UsageError, match="no Ray cluster responds at 'there:6379': division by zero"):
        join_cluster("there:6379", [])
    assert cluster.modes == ["disabled"]


def test_no_directory_is_writable(monkeypatch):
    def nowhere(*_, **__):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", nowhere)
    with pytest.raises(UsageError, match="no writable temporary directory") as caught, scratch_directory():
        pass
    assert "short path" in str(caught.value)
