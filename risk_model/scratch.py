"""A folder for what is only needed while work runs, gone afterwards even if the work was killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "lock"


@contextmanager
def scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder and remove it at the end; remove those, too, whose makers were killed.

    Parameters
    ----------
    parent
        Where it is made.
    prefix
        Of its name, and of theirs.

    Yields
    ------
    pathlib.Path
        The folder; whoever works in it holds its lock.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{prefix}*/"):
        # Who is at work holds the lock; the dead hold none.
        with suppress(Timeout), FileLock(left / LOCK, timeout=0):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    with FileLock(folder / LOCK):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
