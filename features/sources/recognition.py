"""Which kind of file each given file is, and whether it has the columns that the mapping needs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from features.errors import InputError
from features.sources.needs import needed_columns
from features.sources.reading import column_names
from features.sources.settings import SourceMapping


@dataclass(frozen=True)
class Input:
    """A file that was given.

    Attributes
    ----------
    path, name
        Where it lies; what it is called in reports and in the quarantine.
    kind
        What the mapping calls such files.
    columns
        Its columns.
    sha256
        Of its bytes.
    """

    path: Path
    name: str
    kind: str
    columns: tuple[str, ...]
    sha256: str


def recognise(mapping: SourceMapping, files: Sequence[Path]) -> list[Input]:
    """Return what each file is.

    A file whose name matches the pattern of exactly one kind is of that kind. Otherwise the kinds whose
    columns it has are considered; exactly one must fit.

    Raises
    ------
    InputError
        If there is no file, one does not exist, is given twice or is of no kind, or lacks columns.
    """
    if not files:
        raise InputError("no file was given", field="files", fix="Name at least one file.")
    paths = [Path(file) for file in files]
    for path in paths:
        if not path.is_file():
            raise InputError(f"there is no file {path}", field="files", fix="Check the path.")
    inputs: list[Input] = []
    for path, name in zip(paths, _names(paths), strict=True):
        kind, columns = _kind(mapping, path)
        inputs.append(Input(path, name, kind, tuple(columns), _sha256(path)))
    for place, one in enumerate(inputs):
        for other in inputs[:place]:
            if one.sha256 == other.sha256 and one.kind == other.kind:
                raise InputError(
                    f"{one.name} has the same content as {other.name}", field="files", fix="Give it once."
                )
    _check_joins(mapping, inputs)
    return inputs


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the files' names, with as much of the folder as tells them apart."""
    names = [path.name for path in paths]
    depth = 2
    while len(set(names)) < len(names) and depth < 10:
        clash = {name for name in names if names.count(name) > 1}
        names = [
            "/".join(path.resolve().parts[-depth:]) if name in clash else name
            for name, path in zip(names, paths, strict=True)
        ]
        depth += 1
    return names


def _kind(mapping: SourceMapping, path: Path) -> tuple[str, list[str]]:
    named = [kind for kind, file in mapping.files.items() if fnmatch(path.name, file.match)]
    if len(named) == 1:
        columns = column_names(path, mapping.files[named[0]])
        missing = _missing(mapping, named[0], columns)
        if missing:
            raise _lacks(mapping, path, named[0], missing, columns)
        return named[0], columns
    fitting: list[tuple[str, list[str]]] = []
    best: tuple[str, list[str], list[str], float] = ("", [], [], 0.0)
    for kind in named or mapping.files:
        columns = column_names(path, mapping.files[kind])
        needed = needed_columns(mapping, kind)
        missing = _missing(mapping, kind, columns)
        if not missing and needed:
            fitting.append((kind, columns))
        share = 1 - len(missing) / max(len(needed), 1)
        if share > best[3]:
            best = (kind, missing, columns, share)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(
            f"{path.name} has the columns of several kinds of files: {', '.join(k for k, _ in fitting)}",
            field="files",
            fix=f"Name it like {mapping.files[fitting[0][0]].match}.",
        )
    if best[3] >= 0.5:
        raise _lacks(mapping, path, best[0], best[1], best[2])
    patterns = ", ".join(f"{file.match} ({kind})" for kind, file in mapping.files.items())
    raise InputError(
        f"{path.name} is no file of the mapping {mapping.source!r}",
        field="files",
        fix=f"It knows {patterns}.",
    )


def _missing(mapping: SourceMapping, kind: str, columns: Sequence[str]) -> list[str]:
    return [name for name in needed_columns(mapping, kind) if name not in columns]


def _lacks(
    mapping: SourceMapping, path: Path, kind: str, missing: Sequence[str], columns: Sequence[str]
) -> InputError:
    """Say which columns are missing, and what the file has in their place."""
    needed = needed_columns(mapping, kind)
    spare = [name for name in columns if name not in needed]
    lines = []
    for name in missing:
        near = get_close_matches(name, spare, 1, cutoff=0.5)
        lines.append(f"- {name}" + (f"   (the file has {near[0]!r})" if near else ""))
    return InputError(
        f"{path.name}, a file of {kind!r}, lacks {len(missing)} column(s) that the mapping needs:\n"
        + "\n".join(lines)
        + f"\nThe file has: {', '.join(columns)}.",
        field="files",
        fix="Rename the columns in a copy of the mapping, or list them there as optional.",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_joins(mapping: SourceMapping, inputs: Sequence[Input]) -> None:
    given = {one.kind for one in inputs}
    for kind in given:
        for join in mapping.files[kind].joins:
            if join.file is not None and join.file not in given:
                raise InputError(
                    f"files of {kind!r} can only be read together with those of {join.file!r}",
                    field="files",
                    fix=f"Also give {mapping.files[join.file].match}.",
                )
