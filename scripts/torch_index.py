"""Print the pip option that selects a build of PyTorch, or nothing where pip's own sources are enough.

    python scripts/torch_index.py cpu      # small CPU wheels, from PyTorch's own index if it answers
    python scripts/torch_index.py cu130    # the CUDA 13.0 build from PyTorch's own index
    python scripts/torch_index.py cuda     # whatever pip's index has: on Linux, a CUDA build

`cpu` falls back to pip's index: a machine that cannot reach PyTorch's still installs, with a larger download on Linux.
The answer takes a few seconds at most. Wheels in a `find-links` directory are found by pip itself.
"""

from __future__ import annotations

import re
import sys
import threading
import urllib.error
import urllib.request

INDEX = "https://download.pytorch.org/whl/"
TIMEOUT_SECONDS = 4.0


def answers(url: str) -> bool:
    """Request `url` in a thread: a name lookup has no time limit of its own."""
    found = threading.Event()

    def request() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT_SECONDS):
                found.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    return found.is_set()


def option(build: str) -> str:
    """Return the pip option for `build`."""
    if build == "cuda":
        return ""
    if not re.fullmatch(r"cpu|cu\d+", build):
        raise SystemExit(f"TORCH={build} is not a build of PyTorch: use cpu, cuda, or a CUDA version such as cu130.")
    url = f"{INDEX}{build}"
    if build != "cpu":
        return f"--extra-index-url {url}"
    return f"--extra-index-url {url}" if answers(f"{url}/torch/") else ""


if __name__ == "__main__":
    print(option(sys.argv[1] if len(sys.argv) > 1 else "cpu"))
