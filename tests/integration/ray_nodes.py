"""Ray nodes on this machine, each with an address, processes and a temporary directory of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cli.runner import wait_until

_RAY = [str(Path(sys.executable).with_name("ray")), "start", "--disable-usage-stats"]


class Nodes:
    """A Ray cluster of nodes at 127.0.0.1, 127.0.0.2, ..., as if on different machines.

    They have no module of the working directory or of this repository, unless it is installed.
    """

    def __init__(self, *, cpus=1, gpus=0, prefix=()):
        self.directory = Path(tempfile.mkdtemp(prefix="lbr"))
        self.home = self.directory / "home"
        self.home.mkdir()
        self.port = _free_port()
        self.nodes = []
        self.head_host = "127.0.0.1"
        head = ("--head", f"--port={self.port}", "--include-dashboard=false")
        self.start(*head, f"--temp-dir={self.directory / 'h'}", cpus=cpus, gpus=gpus, prefix=prefix)

    @property
    def address(self):
        return f"{self.head_host}:{self.port}"

    def add(self, *, cpus=1, gpus=0, prefix=()):
        """Start a node that joins, and return its number."""
        host = f"127.0.0.{len(self.nodes) + 1}"
        return self.start(f"--address={self.address}", f"--node-ip-address={host}", cpus=cpus, gpus=gpus, prefix=prefix)

    def start(self, *options, cpus, gpus, prefix):
        mark = f"LODO_BENCH_TEST_NODE={self.directory}/{len(self.nodes)}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTHONPATH"))}
        environment |= dict([mark.split("=")]) | {"HOME": str(self.home), "RAY_worker_niceness": "0"}
        command = [*prefix, *_RAY, *options, f"--num-cpus={cpus}", f"--num-gpus={gpus}"]
        subprocess.run(command, cwd=self.directory, env=environment, check=True, capture_output=True, timeout=120)
        self.nodes.append(mark)
        return len(self.nodes) - 1

    def processes(self, node):
        """Return the processes of a node."""
        mark = self.nodes[node].encode()
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _has(entry, mark)]

    def kill(self, node):
        """End a node as a power failure does."""
        for process in self.processes(node):
            os.kill(process, signal.SIGKILL)

    def close(self):
        for node in range(len(self.nodes)):
            wait_until(lambda node=node: not (self.kill(node) or self.processes(node)), patience=20)
        shutil.rmtree(self.directory, ignore_errors=True)


def _has(entry, mark):
    try:
        return mark in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
