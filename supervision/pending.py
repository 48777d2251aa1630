"""Visits that are planned and not yet on file: nobody is to be visited twice because a result is late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from supervision.joint import JOINED
from supervision.plans import DOCUMENT, StoredPlan, read_plan
from supervision.sampling.calendar import month_bounds, months_later
from supervision.sampling.reasons import KEY, STATUTORY

#: A visit that is not on file after so many months is taken as not made.
MONTHS = 3
COLUMNS = ("credit_code", "domain", "kind", "plan", "planned_from", "planned_until", "full_item")


def pending_visits(plans: Path, *, sector: str, month: str) -> pd.DataFrame | None:
    """Return the visits of earlier plans, and of other sectors' plans of the month.

    Parameters
    ----------
    plans
        Folder of all plans.
    sector, month
        Of the plan that is being made; an earlier draw of the month for one of its sectors does not count.

    Returns
    -------
    pandas.DataFrame or None
        :data:`COLUMNS`; mandatory visits are taken as full inspections. None if there are none. Whether a
        result is on file already is for :func:`supervision.candidates.candidates_from` to see.

    Raises
    ------
    InputError
        If a plan of these months cannot be read.
    """
    first, _ = month_bounds(month)
    since = f"{months_later(first, -MONTHS):%Y-%m}"
    newest: dict[tuple[str, str, object], StoredPlan] = {}
    for folder in sorted(plans.glob("*-????-??-*")):
        # The name is <sector>-<month>-<n>: plans of other months are not opened.
        name = folder.name.rsplit("-", 1)[0][-len(month) :]
        if not since <= name <= month or not (folder / DOCUMENT).is_file():
            continue
        stored = read_plan(folder)
        told = stored.document
        own = set(told.sector.split(JOINED)) & set(sector.split(JOINED))
        if not since <= told.month <= month or (own and told.month == month):
            continue
        # The last draw of a sector, month and district is the one that is carried out.
        key = (told.sector, told.month, told.context.get("district"))
        if key not in newest or told.number > newest[key].document.number:
            newest[key] = stored
    parts = []
    for stored in newest.values():
        planned_from, planned_until = month_bounds(stored.document.month)
        chosen = stored.frame[stored.frame["selected"]]
        visits = pd.DataFrame(
            {
                "credit_code": chosen["credit_code"].to_numpy(),
                "domain": [(s or stored.document.sector).split(JOINED) for s in chosen["sectors"]],
                "kind": "routine",
                "plan": stored.document.name,
                "planned_from": np.datetime64(planned_from, "s"),
                "planned_until": np.datetime64(planned_until, "s"),
                "full_item": chosen["part"].isin([STATUTORY, KEY]).to_numpy(),
            }
        )
        # A joint visit is an inspection of each sector that takes part.
        parts.append(visits.explode("domain", ignore_index=True))
    return pd.concat(parts, ignore_index=True) if parts else None
