"""Joint visits: several departments at one door at one time (进一次门、查多项事).

A joint plan has one draw of enterprises, not one a department: whoever is selected is visited once, by one
team, for all the sectors of the plan that may inspect it in the month. The chance of the visit is the
inclusion probability of each of its inspections, so every sector's estimates stay unbiased; the visit counts
once for the annual cap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np
import pandas as pd

from features.errors import InputError
from risk_model.scale import INSUFFICIENT, TIERS
from supervision.assignment.rules import AssignmentRules
from supervision.plan_rules import Objective, PlanRules, RandomReserve, Weights
from supervision.sampling.calendar import month_bounds
from supervision.sampling.division import divide
from supervision.sampling.frame import INPUT_COLUMNS, normalise
from supervision.sampling.reasons import EXCLUDED, KEY, REASON_WORDS, STATUTORY

#: Between the sectors of a joint plan, in its name and in the frame.
JOINED = "+"
#: From the least to the most risky, for the tier of an enterprise that has one in several sectors.
_RISING = ("A", INSUFFICIENT, *TIERS[1:])


def sectors_of(sector: str) -> tuple[str, ...]:
    """Return the sectors of a plan: several for ``food+general``.

    Raises
    ------
    InputError
        If one is named twice.
    """
    found = tuple(part.strip() for part in sector.split(JOINED))
    if len(set(found)) != len(found) or not all(found):
        raise InputError(f"got {sector!r}, but expected sectors joined by +, each once", field="sector")
    return found


def joint_rules(rules: Sequence[PlanRules]) -> PlanRules:
    """Return the rules of the draw of a joint plan: of each setting the strictest.

    What bars an enterprise from a sector's inspection, or makes it mandatory, is decided by each sector's own
    rules before (:func:`joint_candidates`); the statutory minimum goes along, since it is the most urgent.

    Raises
    ------
    InputError
        If two sectors have statutory minima of different length.
    """
    weights = [one.weights for one in rules]
    objectives = [one.objective for one in rules if one.objective is not None]
    reserves = [one.random_reserve for one in rules if one.random_reserve is not None]
    minima = [one.statutory_minimum for one in rules if one.statutory_minimum is not None]
    if len({minimum.years for minimum in minima}) > 1:
        msg = "the sectors have statutory minima of different length"
        raise InputError(msg, field="sector", fix="Plan them one by one.")
    return PlanRules(
        sector=JOINED.join(one.sector for one in rules),
        in_force_from=max(one.in_force_from for one in rules),
        weights=Weights(
            **{t: max(w.by_tier()[t] for w in weights) for t in weights[0].by_tier()},
            source=_joined(w.source for w in weights),
            trust="parameter",
        ),
        objective=Objective(
            floor=max(o.floor for o in objectives),
            precision=max(o.precision for o in objectives),
            ceiling=min(o.ceiling for o in objectives),
            source=_joined(o.source for o in objectives),
            trust="parameter",
        )
        if objectives
        else None,
        statutory_minimum=minima[0] if minima else None,
        random_reserve=RandomReserve(
            share=max(r.share for r in reserves),
            source=_joined(r.source for r in reserves),
            trust="parameter",
        )
        if reserves
        else None,
    )


def joint_candidates(
    candidates: Mapping[str, pd.DataFrame], rules: Mapping[str, PlanRules], month: str
) -> pd.DataFrame:
    """Return the candidates of a joint plan, one row an enterprise.

    Parameters
    ----------
    candidates, rules
        Sector → its candidates and its rules.
    month
        ``YYYY-MM``.

    Returns
    -------
    pandas.DataFrame
        As :func:`supervision.sampling.plan_inspections` takes them. ``sectors`` names who takes part in the
        visit: those that their own rules do not bar. The tier is the riskiest of these; ``probability`` that
        at least one inspection finds a problem, as if findings were independent; ``key_item`` where an
        inspection of a sector is mandatory; ``exempt_because`` why no sector may come.
    """
    first, last = month_bounds(month)
    parts = []
    for sector, given in candidates.items():
        frame = normalise(given)
        division = divide(frame, first, last, rules[sector])
        statutory = division.part == STATUTORY
        minimum = rules[sector].statutory_minimum is not None
        parts.append(
            frame.assign(
                sector=sector,
                barred=division.part == EXCLUDED,
                why=[f"{sector}: {REASON_WORDS[r].en}" for r in division.reason],
                must=statutory | (division.part == KEY),
                minimum=minimum,
                order=frame["tier"].map({t: i for i, t in enumerate(_RISING)}),
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    # A sector that is barred does not come, so it says nothing of the visit.
    rows["counts"] = ~rows["barred"] | rows.groupby("credit_code")["barred"].transform("all")
    taking = rows[rows["counts"]]
    by_code = taking.groupby("credit_code", sort=True)
    made = by_code.agg(
        name=("name", "first"),
        district=("district", "first"),
        order=("order", "max"),
        last_inspected=("last_inspected", "max"),
        inspections_this_year=("inspections_this_year", "max"),
        must=("must", "any"),
        barred=("barred", "all"),
    )
    left = (1 - taking["probability"]).groupby(taking["credit_code"]).prod(min_count=1)
    coming = taking[~taking["barred"]].groupby("credit_code")["sector"].agg(JOINED.join)
    # The statutory period runs from the sector that has one; without any it is never due.
    owing = rows[rows["minimum"] & ~rows["barred"]].set_index("credit_code")
    full = pd.Series(np.datetime64(first, "s"), index=made.index)
    since = pd.Series(np.datetime64("NaT", "s"), index=made.index)
    if len(owing):
        owing = owing[~owing.index.duplicated()]
        full[owing.index] = owing["last_full_inspection"].to_numpy()
        since[owing.index] = owing["subject_since"].to_numpy()
    key = taking[taking["must"]].groupby("credit_code")["why"].agg("; ".join)
    barred = taking[taking["barred"]].groupby("credit_code")["why"].agg("; ".join)
    codes = made.index
    result = pd.DataFrame(
        {
            "credit_code": codes,
            "name": made["name"].to_numpy(),
            "district": made["district"].to_numpy(),
            "tier": np.array(_RISING, dtype=object)[made["order"].to_numpy(dtype=np.int64)],
            "probability": 1 - left.reindex(codes).to_numpy(dtype=np.float64),
            "last_inspected": made["last_inspected"].to_numpy(),
            "last_full_inspection": full.to_numpy(),
            "subject_since": since.to_numpy(),
            "inspections_this_year": made["inspections_this_year"].to_numpy(),
            "key_item": (made["must"] & ~made["barred"]).to_numpy(),
            "key_reason": key.reindex(codes).fillna("").to_numpy(),
            "exempt_because": barred.reindex(codes).fillna("").to_numpy(),
            "sectors": coming.reindex(codes).fillna("").to_numpy(),
        }
    )
    return result[list(INPUT_COLUMNS)]


def joint_assignment(rules: Sequence[AssignmentRules]) -> AssignmentRules:
    """Return the rules of the teams of a joint plan: of each setting the strictest.

    Each sector that takes part in a visit has its competent inspectors in the team; who is competent in
    several counts for each.
    """
    return reduce(
        lambda one, other: one.model_copy(
            update={
                "sector": f"{one.sector}{JOINED}{other.sector}",
                "in_force_from": max(one.in_force_from, other.in_force_from),
                "inspectors": max(one.inspectors, other.inspectors),
                "competent": max(one.competent, other.competent),
                "district": max(one.district, other.district),
                "source": _joined((one.source, other.source)),
                "trust": one.trust if one.trust == other.trust else "parameter",
                "details_source": _joined((one.details_source, other.details_source)),
                "conflict_source": _joined((one.conflict_source, other.conflict_source)),
            }
        ),
        rules,
    )


def _joined(texts: Iterable[str]) -> str:
    parts: list[str] = []
    for text in texts:
        parts += [part for part in text.split("；") if part not in parts]
    return "；".join(parts)
