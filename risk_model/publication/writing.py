"""Writing a classification where nobody sees it, shard by shard, and putting it in place at once."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from features.errors import InputError
from features.kernel import ChangedContext, ChangedSurvey, Context
from risk_model.publication import layout
from risk_model.publication.tied import Tied

#: Held while a classification is being made: one at a time.
LOCK = ".making.lock"
MAKING = ".making-"
PART = ".part-"
#: What ``snapshot.json`` says of each shard.
OF_SHARDS = ("first", "last", "enterprises", "bytes")


@dataclass(frozen=True)
class WrittenShard:
    """A stretch of enterprises on disk that is not part of a classification yet.

    Attributes
    ----------
    name
        Its folder, in that of the classification being made.
    facts
        What is counted of it, and ``bytes``: the size of each file.
    """

    name: str
    facts: Mapping[str, Any]


def write_shard(
    folder: Path, tables: Mapping[str, pa.Table], facts: Mapping[str, Any], linked: Sequence[Path] = ()
) -> WrittenShard:
    """Write a stretch of enterprises, in whatever process, under a name that nobody else uses.

    Parameters
    ----------
    folder
        :attr:`PublicationWriter.folder`.
    tables, facts
        As for :meth:`PublicationWriter.shard`.
    linked
        Files of an earlier classification that are files of this one, too.
    """
    work = folder / f"{facts['first']}{PART}{uuid4().hex[:8]}"
    work.mkdir()
    for file, rows in tables.items():
        how = layout.PACKED.get(file, layout.PACKED_ELSE)
        size = layout.ROWS_A_GROUP_OF.get(file, layout.ROWS_A_GROUP)
        pq.write_table(rows, work / file, row_group_size=size, **how)
        _to_disk(work / file)
    for source in linked:
        # The same bytes: no classification changes a file once it is there.
        os.link(source, work / source.name)
    files = sorted((*tables, *(source.name for source in linked)))
    told = {**facts, "bytes": {file: (work / file).stat().st_size for file in files}}
    (work / layout.SHARD).write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
    _to_disk(work / layout.SHARD)
    _to_disk(work)
    return WrittenShard(work.name, told)


def link_shard(folder: Path, source: Path) -> WrittenShard:
    """Take a stretch of enterprises over from an earlier classification as it is.

    Parameters
    ----------
    folder
        :attr:`PublicationWriter.folder`.
    source
        Folder of the stretch.
    """
    told = json.loads((source / layout.SHARD).read_text(encoding="utf-8"))
    work = folder / f"{told['first']}{PART}{uuid4().hex[:8]}"
    work.mkdir()
    for file in (*told["bytes"], layout.SHARD):
        os.link(source / file, work / file)
    _to_disk(work)
    return WrittenShard(work.name, told)


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
    folder : Path
        Where it is written until it is published; shards may be written there by other processes.

    Raises
    ------
    InputError
        If another classification is being made.
    """

    def __init__(self, published: Path, as_of: date, key: str) -> None:
        self._published = published
        self._as_of = as_of
        self.folder = (published / f"{MAKING}{as_of.isoformat()}-{key}").resolve()
        self._lock = FileLock(published / LOCK, timeout=0)
        self.done: list[dict[str, Any]] = []
        self._tied: dict[str, Any] = {}

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
            if left.resolve() != self.folder:
                shutil.rmtree(left)
        self.folder.mkdir(exist_ok=True)
        # A stretch that was not complete when its writer was killed.
        for left in self.folder.glob(f"*{PART}*"):
            shutil.rmtree(left)
        while (shard := self.folder / layout.shard_name(len(self.done))).is_dir():
            self.done.append(json.loads((shard / layout.SHARD).read_text(encoding="utf-8")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # What a person stopped may be gone on with, like what was killed.
            if kind is None or issubclass(kind, Exception):
                shutil.rmtree(self.folder, ignore_errors=True)
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
        self.take(write_shard(self.folder, tables, facts))

    def take(self, written: WrittenShard) -> None:
        """Add the next stretch of enterprises, which somebody else has written into :attr:`folder`."""
        (self.folder / written.name).rename(self.folder / layout.shard_name(len(self.done)))
        self.done.append(dict(written.facts))

    def kept_context(self) -> Context | None:
        """Return the context that an interrupted writer kept, if it did."""
        folder = self.folder / layout.CONTEXT
        return Context.load(folder) if (folder / "context.json").is_file() else None

    def context(self, context: Context | ChangedContext, whole: Context | ChangedSurvey) -> None:
        """Keep what features across enterprises know of the others.

        Parameters
        ----------
        context
            Of the date.
        whole
            What everybody told, those who are tied to nobody too.
        """
        whole.save(self.folder / layout.SURVEY)
        context.save(self.folder / layout.CONTEXT)

    def tied(self, values: Tied) -> None:
        """Keep features of tied enterprises that count before what the shards say."""
        if len(values.codes):
            path = self.folder / layout.TIED
            values.save(path)
            self._tied = {"features": list(values.names), "bytes": path.stat().st_size}

    def publish(self, document: Mapping[str, Any]) -> Path:
        """Put the classification in place and make it the one in force.

        Parameters
        ----------
        document
            What ``snapshot.json`` says, beside format, name, date, tied enterprises and shards.

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
            "tied": self._tied,
            "shards": [{what: facts[what] for what in OF_SHARDS} for facts in self.done],
        }
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (self.folder / layout.DOCUMENT).write_text(text + "\n", encoding="utf-8")
        kept = [path for name in (layout.CONTEXT, layout.SURVEY) for path in (self.folder / name).glob("*")]
        kept += [self.folder / layout.TIED] if self._tied else []
        for path in (*kept, self.folder / layout.DOCUMENT, self.folder):
            _to_disk(path)
        self.folder.rename(target)
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
