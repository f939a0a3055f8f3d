"""Settings of Ray that make it quiet and quick."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}

# They keep Ray quiet, leave Ctrl-C to us, make it write only the files that it needs itself, and start no process that
# is not needed. Workers have the priority of any other program, and any number of them may be starting.
ENVIRONMENT = {
    "RAY_NUM_REDIS_GET_RETRIES": "5",  # attempts to connect, a second apart
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
    "RAY_enable_worker_prestart": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


def apply_settings() -> None:
    """Set what the user has not set; to be called before Ray is imported."""
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
