"""Classify in a process that kills itself after some shards: store, models, published, shards."""

from __future__ import annotations

import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Any

from features.store import RecordStore
from risk_model.classification import ModelVersion, classify
from risk_model.model import RiskModel
from risk_model.publication import PublicationWriter


def main(store: str, models: str, published: str, shards: str) -> None:
    """Classify, and die in the middle of a shard."""
    kept = PublicationWriter.take
    left = int(shards)

    def take(self: Any, written: Any) -> None:
        nonlocal left
        if left == 0:
            # The files of the shard are there, and the shard is not.
            Path.rename = lambda path, target: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign,assignment,misc]
        left -= 1
        kept(self, written)

    PublicationWriter.take = take  # type: ignore[method-assign]
    found = {path.name: ModelVersion(RiskModel.load(path), "1") for path in sorted(Path(models).iterdir())}
    classify(RecordStore(Path(store)).snapshot(), found, date(2025, 12, 31), Path(published), shard=300)


if __name__ == "__main__":
    main(*sys.argv[1:])
