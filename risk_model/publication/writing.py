"""Writing a classification where nobody sees it, and putting it in place at once."""

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

from features.kernel import Context
from risk_model.publication import layout


class PublicationWriter:
    """Writes one classification; a context manager that leaves nothing behind on an error.

    Parameters
    ----------
    published
        Folder of all published classifications.
    as_of
        Date that it speaks of.
    contributions
        Model → names of its features.
    features
        Names of the feature values that are kept.
    """

    def __init__(
        self,
        published: Path,
        as_of: date,
        contributions: Mapping[str, tuple[str, ...]],
        features: tuple[str, ...],
    ) -> None:
        self._published = published
        self._as_of = as_of
        published.mkdir(parents=True, exist_ok=True)
        self._work = Path(tempfile.mkdtemp(prefix=".making-", dir=published))
        # mkdtemp makes folders that only their owner may read.
        self._work.chmod(0o755)
        self._writers = {
            layout.CLASSIFICATION: self._open(layout.CLASSIFICATION, layout.CLASSIFICATION_SCHEMA),
            layout.FEATURES: self._open(layout.FEATURES, layout.features_schema(features)),
        }
        for model, names in contributions.items():
            file = layout.contributions_file(model)
            self._writers[file] = self._open(file, layout.contributions_schema(names))

    def _open(self, file: str, schema: pa.Schema) -> pq.ParquetWriter:
        return pq.ParquetWriter(self._work / file, schema, compression="zstd", write_statistics=True)

    def __enter__(self) -> PublicationWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        shutil.rmtree(self._work, ignore_errors=True)

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def classification(self, rows: pa.Table) -> None:
        """Add rows of a range of enterprises, sorted by credit code and after all earlier ones."""
        self._write(layout.CLASSIFICATION, rows)

    def features(self, rows: pa.Table) -> None:
        """Add feature values, likewise."""
        self._write(layout.FEATURES, rows)

    def contributions(self, model: str, rows: pa.Table) -> None:
        """Add contributions of a model, likewise."""
        self._write(layout.contributions_file(model), rows)

    def context(self, context: Context) -> None:
        """Keep what features across enterprises know of the others."""
        context.save(self._work / layout.CONTEXT)

    def _write(self, file: str, rows: pa.Table) -> None:
        writer = self._writers[file]
        writer.write_table(rows.select(writer.schema.names).cast(writer.schema), layout.ROWS_A_GROUP)

    def publish(self, document: Mapping[str, Any]) -> Path:
        """Put the classification in place and make it the one in force.

        Parameters
        ----------
        document
            What ``snapshot.json`` says, beside format, name and date.

        Returns
        -------
        pathlib.Path
            Its folder, ``<as_of>-<number>``.
        """
        self._close()
        number = 1
        while True:
            name = f"{self._as_of.isoformat()}-{number}"
            target = self._published / name
            if not target.exists():
                content = {
                    "format": layout.FORMAT,
                    "name": name,
                    "as_of": self._as_of.isoformat(),
                    **document,
                }
                text = json.dumps(content, ensure_ascii=False, indent=2)
                (self._work / layout.DOCUMENT).write_text(text + "\n", encoding="utf-8")
                for path in self._work.rglob("*"):
                    _to_disk(path)
                try:
                    self._work.rename(target)
                    break
                except OSError:
                    # Another classification took the name meanwhile; anything else is an error.
                    if not target.exists():
                        raise
            number += 1
        set_current(self._published, name)
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
