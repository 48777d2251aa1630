"""The sampling frame: all candidates of a plan, checked, in one canonical form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from supervision.plan_rules import ALL_TIERS

Kind = Literal["string", "date", "float", "int", "bool"]

#: Column → kind. The inclusion probabilities follow from these and the rules, from nothing else.
INPUT_COLUMNS: Mapping[str, Kind] = {
    "credit_code": "string",
    "name": "string",
    "district": "string",
    "tier": "string",
    "probability": "float",
    "last_inspected": "date",
    "last_full_inspection": "date",
    "subject_since": "date",
    "inspections_this_year": "int",
    "key_item": "bool",
    "key_reason": "string",
    "exempt_because": "string",
    "sectors": "string",
}
#: May be left out: since when the statutory minimum runs; why the enterprise is exempt from this plan; which
#: sectors take part in a joint visit.
OPTIONAL_COLUMNS = ("subject_since", "exempt_because", "sectors")
NO_DATE = np.iinfo(np.int64).min


def normalise(candidates: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates checked, sorted by credit code, with the columns of :data:`INPUT_COLUMNS`.

    Raises
    ------
    InputError
        Naming the column at fault.
    """
    missing = [c for c in INPUT_COLUMNS if c not in candidates.columns and c not in OPTIONAL_COLUMNS]
    if missing:
        raise InputError(
            f"the candidates lack {', '.join(missing)}; they have {', '.join(map(str, candidates.columns))}",
            field=missing[0],
        )
    frame = pd.DataFrame({name: _column(candidates, name, kind) for name, kind in INPUT_COLUMNS.items()})
    frame = frame.sort_values("credit_code", kind="stable", ignore_index=True)
    _check(frame)
    return frame


def day_numbers(dates: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Return days since 1970-01-01; :data:`NO_DATE` where there is none."""
    return dates.to_numpy(dtype="datetime64[D]").astype(np.int64)


def frame_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a normalised frame, whatever file format it travels in.

    Notes
    -----
    Column after column in the order of :data:`INPUT_COLUMNS`: the name and the number of rows, each
    ended by a line feed, then the values: strings as int64 lengths in bytes, then all their UTF-8;
    floats as float64; dates as int64 days since 1970-01-01 (smallest int64: none); whole numbers as
    int64; truth values as one byte. All little-endian. Missing floats are one quiet NaN.
    """
    digest = hashlib.sha256()
    for name, kind in INPUT_COLUMNS.items():
        column = frame[name]
        digest.update(f"{name}\n{len(column)}\n".encode())
        if kind == "string":
            encoded = [value.encode() for value in column]
            digest.update(np.array([len(value) for value in encoded], dtype="<i8").tobytes())
            digest.update(b"".join(encoded))
        elif kind == "date":
            digest.update(day_numbers(column).astype("<i8").tobytes())
        elif kind == "float":
            values = column.to_numpy(dtype=np.float64)
            # Adding 0 makes -0 into 0.
            digest.update(np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes())
        elif kind == "int":
            digest.update(column.to_numpy(dtype=np.int64).astype("<i8").tobytes())
        else:
            digest.update(column.to_numpy(dtype=np.bool_).tobytes())
    return digest.hexdigest()


def _column(candidates: pd.DataFrame, name: str, kind: Kind) -> Any:
    if name not in candidates.columns:
        return np.full(len(candidates), "" if kind == "string" else np.datetime64("NaT", "s"))
    given = candidates[name]
    try:
        if kind == "string":
            return given.astype("object").where(given.notna(), "").map(str).to_numpy(dtype="object")
        if kind == "date":
            return (
                pd.to_datetime(given, format="ISO8601")
                .to_numpy(dtype="datetime64[D]")
                .astype("datetime64[s]")
            )
        if kind == "float":
            return pd.to_numeric(given).to_numpy(dtype=np.float64, na_value=np.nan)
        if given.isna().any():
            raise InputError(f"{int(given.isna().sum())} values are missing", field=name)
        numbers = pd.to_numeric(given).to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"expected values of type {kind}: {error}", field=name) from None
    allowed = np.isin(numbers, (0, 1)) if kind == "bool" else (numbers >= 0) & (numbers == np.floor(numbers))
    if not allowed.all():
        expected = "true or false" if kind == "bool" else "whole numbers of 0 or more"
        raise InputError(f"got {numbers[~allowed][0]:g}, but expected {expected}", field=name)
    return numbers.astype(np.bool_ if kind == "bool" else np.int64)


def _check(frame: pd.DataFrame) -> None:
    if not len(frame):
        msg = "there are no candidates"
        raise InputError(msg, field="candidates")
    code = frame["credit_code"]
    if (code == "").any():
        raise InputError(f"{int((code == '').sum())} candidates have none", field="credit_code")
    if code.duplicated().any():
        raise InputError(
            f"{code[code.duplicated()].iloc[0]} occurs more than once",
            field="credit_code",
            fix="Give one row an enterprise.",
        )
    unknown = frame.loc[~frame["tier"].isin(ALL_TIERS), "tier"]
    if len(unknown):
        raise InputError(f"got {unknown.iloc[0]!r}, but expected one of {', '.join(ALL_TIERS)}", field="tier")
    # A missing probability is allowed: of an enterprise without records there may be none.
    wrong = frame.loc[frame["probability"].notna() & ~frame["probability"].between(0, 1), "probability"]
    if len(wrong):
        raise InputError(f"got {wrong.iloc[0]:g}, but expected 0 to 1", field="probability")
