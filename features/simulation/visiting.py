"""What the inspections of a plan find in a simulated province that was written to files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from features.errors import InputError
from features.simulation.inspections import OUTCOMES, outcomes
from features.simulation.months import LAST_EVENT_DAY, Floats
from features.simulation.parameters import Parameters
from features.simulation.risk import DOMAINS

#: Days after a date of the truth on which it still speaks of the enterprise.
SPEAKS_FOR = 190
COLUMNS = ("credit_code", "date", "domain", "outcome", "full_item")


def visit(folder: Path, credit_codes: Sequence[str], *, domain: str, first: date) -> pd.DataFrame:
    """Inspect enterprises of a simulated province in a month, all items, without a complaint.

    Parameters
    ----------
    folder
        Where :func:`features.simulation.simulate` wrote the province.
    credit_codes
        Enterprises.
    domain
        ``general``, ``food`` or ``special_equipment``.
    first
        First day of the month.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, a row an enterprise in the order given: what is found follows from the true
        risk at the newest date of the truth and from enterprise and month: the same whoever inspects.
        Who is not in the truth is gone: the outcome is ``censored``.

    Raises
    ------
    InputError
        If there is no province, its truth does not reach the month, or the domain is unknown.
    """
    if domain not in DOMAINS:
        raise InputError(f"{domain!r} is no domain", field="domain", fix=f"Use one of {', '.join(DOMAINS)}.")
    try:
        seed = int(json.loads((folder / "simulation.json").read_text(encoding="utf-8"))["seed"])
        truth = pq.read_table(folder / "truth.parquet", columns=["credit_code", "as_of", f"p_{domain}"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"there is no simulated province in {folder}: {error}",
            field="folder",
            fix="Run risk-model simulate first.",
        ) from None
    rows = truth.to_pandas(date_as_object=True)
    known = rows[(rows["as_of"] <= first) & (rows["as_of"] > first - timedelta(days=SPEAKS_FOR))]
    if known.empty:
        raise InputError(
            f"the truth in {folder} does not speak of {first:%Y-%m}; its last date is {rows['as_of'].max()}",
            field="month",
            fix="Plan a month within half a year of a date of the truth.",
        )
    newest = known[known["as_of"] == known["as_of"].max()].set_index("credit_code")[f"p_{domain}"]
    chance = newest.reindex(list(credit_codes)).to_numpy(dtype=np.float64)
    here = ~np.isnan(chance)
    luck = np.array([_luck(seed, domain, first, code) for code in credit_codes]).reshape(-1, 5).T
    logit = np.log(np.where(here, chance, 0.5) / (1 - np.where(here, chance, 0.5)))
    found = outcomes(Parameters(), logit, np.zeros(len(chance), dtype=np.bool_), luck[:4])
    found = np.where(here, found, OUTCOMES.index("censored"))
    days = (luck[4] * LAST_EVENT_DAY).astype(np.int64) if len(chance) else np.zeros(0, dtype=np.int64)
    return pd.DataFrame(
        {
            "credit_code": list(credit_codes),
            "date": [(first + timedelta(days=int(day))).isoformat() for day in days],
            "domain": domain,
            "outcome": np.array(OUTCOMES, dtype=object)[found],
            "full_item": "true",
        },
        columns=list(COLUMNS),
    )


def _luck(seed: int, domain: str, first: date, code: str) -> Floats:
    """Return five uniform numbers that are the enterprise's in the month."""
    text = f"{seed}\n{domain}\n{first:%Y-%m}\n{code}"
    words = np.frombuffer(hashlib.sha512(text.encode()).digest()[:40], dtype="<u8")
    result: Floats = words / 2.0**64
    return result
