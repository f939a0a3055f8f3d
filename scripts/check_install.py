"""Check that lodo-bench can be installed from the package index alone, without installing anything.

Resolves the pinned development install and the plain install in a fresh environment with pip's configuration switched
off, for every Python that the project supports. Where the index does not answer, it says so and succeeds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
PIP_SETTINGS = ("PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_NO_INDEX")


def main() -> int:
    """Resolve every install; the exit code is 1 if one of them cannot be resolved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    optional = [*extras["cpu"], *extras["optimizers"], *extras["postgres"], *extras["docs"], *extras["dev"]]
    pinned = [*project["dependencies"], *optional, "--constraint", str(ROOT / "constraints.txt")]
    frameworks = [*pinned, *extras["frameworks"], "--constraint", str(ROOT / "constraints-frameworks.txt")]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = Path(folder) / "bin" / "pip"
        reached = _pip(pip, ["download", "--no-deps", "--timeout", "10", "--retries", "1", "--dest", folder, "pip"])
        if reached.returncode:
            print("The package index does not answer; nothing was checked.")
            return 0
        _pip(pip, ["install", "--upgrade", "pip"])
        installs = [(f"the pinned versions, Python {version}", pinned, version) for version in PYTHONS]
        installs.append((f"the pinned versions with the frameworks, Python {PYTHONS[0]}", frameworks, PYTHONS[0]))
        installs.append(("lodo-bench without constraints", project["dependencies"], PYTHONS[0]))
        with ThreadPoolExecutor() as pool:
            resolved = list(pool.map(lambda install: _resolves(pip, folder, *install), installs))
    return 0 if all(resolved) else 1


def _resolves(pip: Path, folder: str, name: str, packages: list[str], version: str) -> bool:
    target = ["--target", f"{folder}/target", "--only-binary=:all:", "--python-version", version]
    done = _pip(pip, ["install", "--dry-run", "--ignore-installed", *target, *packages])
    print(f"{name}: {'resolved' if done.returncode == 0 else done.stderr.strip() or 'failed'}", flush=True)
    return done.returncode == 0


def _pip(pip: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run pip as on a machine where nobody has configured it."""
    environment = {name: value for name, value in os.environ.items() if name not in PIP_SETTINGS}
    command = [str(pip), *arguments, "--quiet", "--disable-pip-version-check"]
    return subprocess.run(
        command, env={**environment, "PIP_CONFIG_FILE": os.devnull}, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
