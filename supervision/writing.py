"""Files that appear whole or not at all; tables as plain data and for spreadsheets."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under another name, bring it to disk, and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def as_json(content: Any, *, indent: int | None = None, sort: bool = False) -> str:
    """Return plain data and dates as JSON text, Chinese as it is."""
    return json.dumps(content, ensure_ascii=False, indent=indent, sort_keys=sort, default=_plain)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as plain data: dates as text, missing values as none."""
    told = table.copy()
    for column in told.select_dtypes("datetime"):
        told[column] = told[column].dt.strftime("%Y-%m-%d")
    return [
        {str(k): None if v != v else v for k, v in row.items()}  # noqa: PLR0124 - NaN is not itself
        for row in told.to_dict("records")
    ]


def csv_of(table: pd.DataFrame) -> str:
    """Return a table as CSV for spreadsheets: marked as UTF-8, and with nothing in it that is computed."""
    told = table.copy()
    for column in told.columns:
        if told[column].dtype.kind not in "biufM":
            told[column] = told[column].map(lambda v: safe_in_spreadsheets(v) if isinstance(v, str) else v)
    return "\ufeff" + told.to_csv(index=False, date_format="%Y-%m-%d")


def safe_in_spreadsheets(text: str) -> str:
    """Return a text that no spreadsheet computes: an apostrophe before what begins like a formula.

    Examples
    --------
    >>> safe_in_spreadsheets("=1+1"), safe_in_spreadsheets("企业")
    ("'=1+1", '企业')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    msg = f"{type(value).__name__} cannot be written as JSON"
    raise TypeError(msg)
