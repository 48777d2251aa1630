"""What all commands share: options, progress on stderr, one JSON document on stdout."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

#: Called with the number of things done and the number in all.
Advance = Callable[[int, int], None]

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of all state; by default RISK_MODEL_HOME, else ./var.", metavar="DIR"
    ),
]
RunnerOption = Annotated[str, typer.Option(help="Who does the work: threads, dask or spark.")]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="Dask scheduler, or master URL of Spark; by default processes of this machine.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def required_day(text: str, option: str) -> date:
    """Return a date.

    Raises
    ------
    InputError
        If it is not a date.
    """
    from features.errors import InputError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a date", field=option, fix="Write it as YYYY-MM-DD.") from None


def required_language(lang: str) -> str:
    """Return a language that texts are written in.

    Raises
    ------
    InputError
        If it is another.
    """
    from features.errors import InputError

    if lang not in ("zh", "en"):
        raise InputError(f"there is no language {lang!r}", field="--lang", fix="Use zh or en.")
    return lang


@contextmanager
def progress(description: str) -> Iterator[Advance]:
    """Show a progress bar on stderr while a piece of work runs.

    Parameters
    ----------
    description
        What is done.

    Yields
    ------
    callable
        ``advance(done, total)``.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
        task_now = bar.tasks[0]
        bar.update(task, completed=task_now.total or 1, total=task_now.total or 1)


def print_json(content: Any) -> None:
    """Print one JSON document on stdout; what JSON does not know (NaN) becomes null."""
    typer.echo(json.dumps(_finite(content), ensure_ascii=False, indent=2, default=str, allow_nan=False))


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, left: Sequence[int] = (0,)
) -> None:
    """Print a table on stdout; columns but those in ``left`` are aligned right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", title_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place in left else "right", no_wrap=place not in left)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    # Without a terminal there is no width to keep to; a cut table would hide figures.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 240).print(table)
