"""Making a plan's draw again from what was published, and comparing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import InputError
from supervision.assignment.assigning import DESIGN as ASSIGNMENT_DESIGN
from supervision.assignment.assigning import assign_inspectors
from supervision.assignment.pool import pool_digest, pool_from_json
from supervision.plans import (
    POOL,
    SELECTED,
    TEAMS,
    AssignmentDocument,
    StoredPlan,
    read_plan,
    read_teams,
    selected_codes,
)
from supervision.sampling.planning import OUTPUT_COLUMNS, Plan, plan_inspections
from supervision.sampling.randomness import seed_commitment


@dataclass(frozen=True)
class Check:
    """One comparison: what was compared, whether it agrees, and if not, where."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class VerifyReport:
    """What the comparison of a plan with its repeated draw found."""

    plan: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks agree."""
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {"plan": self.plan, "passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def verify_plan(path: Path, *, commitment: str | None = None, fingerprint: str | None = None) -> VerifyReport:
    """Repeat a plan's draw from its published inputs, and compare.

    Parameters
    ----------
    path
        The plan's folder.
    commitment
        The commitment that was published before the draw.
    fingerprint
        The fingerprint that was published when the plan was made.

    Returns
    -------
    VerifyReport
        Any change of a candidate, the seed, a rule or the selection fails a check.

    Raises
    ------
    InputError
        If there is no plan, or it was made by another design.

    Notes
    -----
    Within the folder everything can be replaced consistently, by a plan made with another seed. Only
    the commitment and the fingerprint that were published elsewhere rule that out; give them.
    """
    stored = read_plan(path)
    return VerifyReport(stored.document.name, tuple(_checks(stored, commitment, fingerprint)))


def _checks(stored: StoredPlan, commitment: str | None, fingerprint: str | None) -> Iterator[Check]:
    document = stored.document
    try:
        found = seed_commitment(document.seed)
        again = plan_inspections(
            stored.frame,
            sector=document.sector,
            month=document.month,
            capacity=document.capacity,
            seed=document.seed,
            rules=document.rules,
        )
    except InputError as error:
        yield Check("inputs", False, str(error))
        return
    yield _equal("seed", found, document.seed_commitment)
    if commitment is not None:
        yield _equal("published commitment", found, commitment.strip().lower())
    yield _equal("candidates", again.frame_sha256, document.frame_sha256)
    yield _equal("inputs", again.fingerprint, document.fingerprint)
    if fingerprint is not None:
        yield _equal("published fingerprint", again.fingerprint, fingerprint.strip().lower())
    yield _draw(again, stored.frame)
    yield Check("summary", again.summary.as_dict() == document.summary)
    yield _selected_file(again, stored.folder)
    if document.assignment is not None:
        yield from _assignment(again, document.assignment, stored.folder)


def _assignment(again: Plan, stated: AssignmentDocument, folder: Path) -> Iterator[Check]:
    """Repeat the assignment of inspectors from the pool in the folder."""
    if stated.design != ASSIGNMENT_DESIGN:
        yield Check("assignment", False, f"it was made by {stated.design!r}; known is {ASSIGNMENT_DESIGN!r}")
        return
    try:
        pool = pool_from_json((folder / POOL).read_text(encoding="utf-8"))
        made = assign_inspectors(again, pool, stated.rules)
        listed = read_teams(folder)
    except (OSError, KeyError, ValueError) as error:
        yield Check("assignment", False, f"cannot be repeated: {error}")
        return
    yield _equal("inspectors", pool_digest(pool), stated.pool_sha256)
    yield _equal("assignment inputs", made.fingerprint, stated.fingerprint)
    differs = sorted(code for code in {*made.teams, *listed} if made.teams.get(code) != listed.get(code))
    detail = f"{len(differs)} enterprises differ, the first is {differs[0]}" if differs else ""
    yield Check(TEAMS, not differs, detail)
    yield Check("assignment summary", made.as_dict()["summary"] == stated.summary)


def _equal(name: str, found: str, stated: str) -> Check:
    return Check(name, found == stated, "" if found == stated else f"found {found}, stated {stated}")


def _draw(again: Plan, stored: pd.DataFrame) -> Check:
    missing = [column for column in OUTPUT_COLUMNS if column not in stored.columns]
    if missing:
        return Check("draw", False, f"the frame lacks {', '.join(missing)}")
    stored = stored.sort_values("credit_code", kind="stable", ignore_index=True)
    differs = pd.Series(False, index=stored.index)
    for column in OUTPUT_COLUMNS:
        differs |= stored[column].astype("object") != again.frame[column].astype("object")
    if not differs.any():
        return Check("draw", True)
    first = again.frame["credit_code"][differs].iloc[0]
    return Check("draw", False, f"{int(differs.sum())} candidates differ, the first is {first}")


def _selected_file(again: Plan, folder: Path) -> Check:
    try:
        listed = selected_codes(folder)
    except (OSError, KeyError, ValueError) as error:
        return Check(SELECTED, False, f"cannot be read: {error}")
    drawn = set(again.selected["credit_code"])
    if sorted(listed) == sorted(drawn):
        return Check(SELECTED, True)
    added, gone = sorted(set(listed) - drawn), sorted(drawn - set(listed))
    return Check(SELECTED, False, f"{len(added)} added {added[:3]}, {len(gone)} missing {gone[:3]}")
