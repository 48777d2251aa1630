"""Writing a classification where nobody sees it, shard by shard, and putting it in place at once."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from features.errors import InputError
from features.kernel import Context
from risk_model.publication import layout

#: Held while a classification is being made: one at a time.
LOCK = ".making.lock"
MAKING = ".making-"


class PublicationWriter:
    """Writes one classification; a context manager.

    An error leaves nothing behind. What was killed or interrupted is gone on with by the next writer that is
    asked for the same: shards that are complete are kept. A writer asked for anything else removes it.

    Parameters
    ----------
    published
        Folder of all published classifications.
    as_of
        Date that it speaks of.
    key
        Stands for all that decides what is written: the records, the models, the rules.

    Attributes
    ----------
    done : list of dict
        What :meth:`shard` was told of the shards that are complete already.

    Raises
    ------
    InputError
        If another classification is being made.
    """

    def __init__(self, published: Path, as_of: date, key: str) -> None:
        self._published = published
        self._as_of = as_of
        self._work = published / f"{MAKING}{as_of.isoformat()}-{key}"
        self._lock = FileLock(published / LOCK, timeout=0)
        self.done: list[dict[str, Any]] = []

    def __enter__(self) -> PublicationWriter:
        self._published.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise InputError(
                f"another classification is being made in {self._published}",
                field="home",
                fix="Wait until it is done.",
            ) from None
        for left in self._published.glob(f"{MAKING}*/"):
            if left != self._work:
                shutil.rmtree(left)
        self._work.mkdir(exist_ok=True)
        while (shard := self._work / layout.shard_name(len(self.done))).is_dir():
            self.done.append(json.loads((shard / layout.SHARD).read_text(encoding="utf-8")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # What a person stopped may be gone on with, like what was killed.
            if kind is None or issubclass(kind, Exception):
                shutil.rmtree(self._work, ignore_errors=True)
        finally:
            self._lock.release()

    def shard(self, tables: Mapping[str, pa.Table], facts: Mapping[str, Any]) -> None:
        """Add the next stretch of enterprises, after all earlier ones.

        Parameters
        ----------
        tables
            Name of the file → rows, sorted by credit code.
        facts
            What is counted of it; ``first`` and ``last`` are its first and last credit code.
        """
        name = layout.shard_name(len(self.done))
        work = self._work / f"{name}.part"
        if work.exists():
            shutil.rmtree(work)
        work.mkdir()
        for file, rows in tables.items():
            pq.write_table(rows, work / file, row_group_size=layout.ROWS_A_GROUP, compression="zstd")
            _to_disk(work / file)
        (work / layout.SHARD).write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8")
        _to_disk(work / layout.SHARD)
        _to_disk(work)
        work.rename(self._work / name)
        self.done.append(dict(facts))

    def kept_context(self) -> Context | None:
        """Return the context that an interrupted writer kept, if it did."""
        folder = self._work / layout.CONTEXT
        return Context.load(folder) if (folder / "context.json").is_file() else None

    def context(self, context: Context) -> None:
        """Keep what features across enterprises know of the others."""
        context.save(self._work / layout.CONTEXT)

    def publish(self, document: Mapping[str, Any]) -> Path:
        """Put the classification in place and make it the one in force.

        Parameters
        ----------
        document
            What ``snapshot.json`` says, beside format, name, date and shards.

        Returns
        -------
        pathlib.Path
            Its folder, ``<as_of>-<number>``.
        """
        number = 1
        while (target := self._published / f"{self._as_of.isoformat()}-{number}").exists():
            number += 1
        content = {
            "format": layout.FORMAT,
            "name": target.name,
            "as_of": self._as_of.isoformat(),
            **document,
            "shards": [{"first": facts["first"], "last": facts["last"]} for facts in self.done],
        }
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (self._work / layout.DOCUMENT).write_text(text + "\n", encoding="utf-8")
        for path in (*(self._work / layout.CONTEXT).glob("*"), self._work / layout.DOCUMENT, self._work):
            _to_disk(path)
        self._work.rename(target)
        set_current(self._published, target.name)
        return target


def set_current(published: Path, name: str) -> None:
    """Make a published classification the one in force, by one atomic rename."""
    handle, temporary = tempfile.mkstemp(prefix=".current-", dir=published)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(published / layout.CURRENT)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
