"""Which candidates are mandatory, which can be drawn, and which are excluded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from supervision.plan_rules import PlanRules
from supervision.sampling.calendar import day_number, days_after
from supervision.sampling.frame import NO_DATE, day_numbers
from supervision.sampling.reasons import EXCLUDED, KEY, RANDOM, STATUTORY

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Division:
    """Each candidate's part and reason, and the order of the mandatory ones.

    Attributes
    ----------
    part, reason
        Of each candidate (object arrays of text).
    urgency
        Places of the mandatory candidates, the most urgent first.
    despite
        Statutory candidates that a restriction would otherwise have excluded.
    """

    part: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    urgency: npt.NDArray[np.int64]
    despite: Bools


def divide(frame: pd.DataFrame, first: date, last: date, rules: PlanRules) -> Division:
    """Divide the candidates by the rules.

    A statutory minimum goes before every restriction: the law asks for the inspection, and the
    restrictions are of lower rank. Key objects give way to the restrictions that name them.

    Parameters
    ----------
    frame
        A normalised frame.
    first, last
        Days of the month.
    rules
        In force on ``first``.
    """
    statutory, deadline = _statutory(frame, last, rules)
    key = frame["key_item"].to_numpy() & ~statutory
    barred = _barred(frame, first, rules, key)

    part = np.full(len(frame), RANDOM, dtype=object)
    part[key] = KEY
    reason = np.full(len(frame), "random_draw", dtype=object)
    reason[key] = "key_supervision"
    for name, rows in barred.items():
        part[rows] = EXCLUDED
        reason[rows] = name
    despite = statutory & (part == EXCLUDED)
    part[statutory] = STATUTORY
    reason[statutory] = "statutory_minimum"

    weight = frame["tier"].map(rules.weights.by_tier()).to_numpy(dtype=np.float64)
    probability = frame["probability"].to_numpy(dtype=np.float64)
    # The frame is sorted by credit code, which decides what is still tied.
    order = np.lexsort(
        (
            np.arange(len(frame)),
            -np.where(np.isnan(probability), -1.0, probability),
            -weight,
            np.where(statutory, deadline, 0),
            ~statutory,
        )
    )
    mandatory = (part == STATUTORY) | (part == KEY)
    return Division(part, reason, order[mandatory[order]].astype(np.int64), despite)


def _statutory(frame: pd.DataFrame, last: date, rules: PlanRules) -> tuple[Bools, npt.NDArray[np.int64]]:
    """Return whose statutory period runs out by the end of the month, and the day on which it does.

    Without any full inspection the period runs from ``subject_since``; without that it has run out.
    """
    if rules.statutory_minimum is None:
        return np.zeros(len(frame), dtype=np.bool_), np.full(len(frame), NO_DATE)
    full = day_numbers(frame["last_full_inspection"])
    since = np.where(full == NO_DATE, day_numbers(frame["subject_since"]), full)
    deadline = days_after(since, 12 * rules.statutory_minimum.years)
    return deadline <= day_number(last), deadline


def _barred(frame: pd.DataFrame, first: date, rules: PlanRules, key: Bools) -> dict[str, Bools]:
    """Return reason → rows, the stronger reason last."""
    barred = {}
    if rules.no_repeat:
        until = days_after(day_numbers(frame["last_inspected"]), rules.no_repeat.months)
        barred["no_repeat"] = (until > day_number(first)) & _touches(rules.no_repeat.applies_to, key)
    if rules.annual_cap:
        cap = frame["tier"].map(rules.annual_cap.inspections).to_numpy(dtype=np.int64)
        reached = frame["inspections_this_year"].to_numpy() >= cap
        barred["annual_cap"] = reached & _touches(rules.annual_cap.applies_to, key)
    barred["exempt"] = frame["exempt_because"].to_numpy() != ""
    return barred


def _touches(parts: tuple[str, ...], key: Bools) -> Bools:
    return np.where(key, KEY in parts, RANDOM in parts)
