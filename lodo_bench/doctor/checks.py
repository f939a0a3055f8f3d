"""All checks, by topic. None of them raises: an error that a check did not expect is a finding, too."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from lodo_bench.doctor.backends import check_backends
from lodo_bench.doctor.clusters import check_ray
from lodo_bench.doctor.data_sets import check_data
from lodo_bench.doctor.finding import Finding, first_line
from lodo_bench.doctor.machine import check_cpus, check_devices, check_threads
from lodo_bench.doctor.plugins import check_plugins
from lodo_bench.doctor.storage import check_database, check_folders
from lodo_bench.doctor.versions import check_versions

Check = Callable[[], Iterator[Finding]]
_REINSTALL = "pip install --force-reinstall lodo-bench"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings of one topic, such as `versions`."""

    topic: str
    findings: tuple[Finding, ...]


def diagnose(db: str, *, start_ray: bool = False) -> Iterator[Diagnosis]:
    """Run all checks, one topic after the other.

    Args:
        db: results database, a file or an SQLAlchemy URL.
        start_ray: also start a Ray cluster of this machine and stop it, which takes some seconds.
    """
    checks: Mapping[str, Check] = {
        "versions": check_versions,
        "devices": check_devices,
        "cpus": check_cpus,
        "threads": check_threads,
        "backends": check_backends,
        "ray": partial(check_ray, start_ray),
        "data": check_data,
        "database": partial(check_database, db),
        "folders": check_folders,
        "plugins": check_plugins,
    }
    for topic, check in checks.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some libraries print whole tracebacks as warnings
            findings = tuple(_guarded(check))
        yield Diagnosis(topic, findings)


def _guarded(check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except (Exception, SystemExit) as error:  # whatever a broken installation raises
        yield Finding(f"this cannot be checked: {first_line(error)}", "problem", _REINSTALL)
