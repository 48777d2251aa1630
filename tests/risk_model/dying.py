"""Run a command of risk-model in a process that kills itself at a step: the step's number, then the command.

A step is anything that another process or the next start may see (a file flushed, renamed or linked, a folder
made, a call to the registry), or the growing of trees. At step 0 nobody dies; the number of steps is told on
the last line of stderr.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

SEEN = ("fsync", "rename", "replace", "link", "mkdir")
OF_THE_REGISTRY = (
    "create_run",
    "log_param",
    "log_artifacts",
    "set_terminated",
    "create_model_version",
    "set_registered_model_alias",
    "set_model_version_tag",
)


def main(die_at: int, arguments: list[str]) -> None:
    """Run the command, and die on the way."""
    taken = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any, **named: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        return step

    for name in SEEN:
        setattr(os, name, counted(getattr(os, name)))
    if arguments[0] == "train":
        import lightgbm
        from mlflow import MlflowClient

        lightgbm.train = counted(lightgbm.train)
        for name in OF_THE_REGISTRY:
            setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
    from risk_model.cli import build

    build()(args=arguments, standalone_mode=False)
    sys.stderr.write(f"\n{taken}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
