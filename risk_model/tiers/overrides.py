"""Decisions of authorised persons that set the tier of an enterprise for a time, with a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from filelock import FileLock
from pydantic import Field, model_validator

from features.errors import InputError
from features.home import Home
from features.records.credit_code import classify, explain
from risk_model.specification import MODELS, Strict, read_yaml, validate

DECIDED_BY = "override"
FILE = "overrides.jsonl"


class OverrideRule(Strict):
    """``models/overrides.yaml``: who may override a tier, and for how long at most."""

    roles: tuple[str, ...] = Field(min_length=1)
    longest_days: int = Field(gt=0)
    shortest_reason: int = Field(ge=1)


class Override(Strict):
    """One decision.

    Attributes
    ----------
    credit_code, model, tier
        Whose tier by which model, and what it is to be.
    by, role
        Who decided, and in which capacity.
    reason
        Why, in words.
    decided_on, expires_on
        From the first day to the day before the second it holds.
    """

    credit_code: str
    model: str
    tier: str = Field(pattern="^[ABCD]$")
    by: str = Field(min_length=1)
    role: str
    reason: str
    decided_on: date
    expires_on: date

    @model_validator(mode="after")
    def _lasts(self) -> Override:
        if self.expires_on <= self.decided_on:
            msg = "expires_on must be after decided_on"
            raise ValueError(msg)
        return self

    def holds(self, as_of: date) -> bool:
        """Return whether it is in force at a date."""
        return self.decided_on <= as_of < self.expires_on


def load_rule() -> OverrideRule:
    """Read ``models/overrides.yaml``."""
    return validate(OverrideRule, read_yaml(MODELS / "overrides.yaml"), source="models/overrides.yaml")


def check(override: Override, rule: OverrideRule) -> None:
    """Refuse a decision that the rule does not allow.

    Raises
    ------
    InputError
        If the credit code is wrong, the role has no authority, it lasts too long, or it has no reason.
    """
    if classify(pd.Series([override.credit_code])).iloc[0] in {"wrong_check", "malformed"}:
        raise InputError(explain(override.credit_code), field="credit_code")
    if override.role not in rule.roles:
        raise InputError(
            f"{override.role!r} may not override a tier",
            field="role",
            fix=f"One of {', '.join(rule.roles)} may (models/overrides.yaml).",
        )
    longest = override.decided_on + timedelta(days=rule.longest_days)
    if override.expires_on > longest:
        raise InputError(
            f"an override may last {rule.longest_days} days at most",
            field="expires_on",
            fix=f"Let it expire on {longest} or before.",
        )
    if len(override.reason.strip()) < rule.shortest_reason:
        raise InputError("an override needs a reason", field="reason", fix="Say why, in a sentence.")


class Overrides:
    """The decisions of a home, in the order in which they were made; nothing is ever removed.

    Parameters
    ----------
    home
        Where they lie, in ``overrides.jsonl``.
    """

    def __init__(self, home: Home) -> None:
        self.path = home.root / FILE
        self._read: tuple[tuple[int, int], list[Override]] = ((0, 0), [])

    def add(self, override: Override, rule: OverrideRule | None = None) -> None:
        """Check a decision and keep it."""
        check(override, rule or load_rule())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(override.model_dump(mode="json"), ensure_ascii=False) + "\n"
        with FileLock(str(self.path) + ".lock"), Path.open(self.path, "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def all(self) -> list[Override]:
        """Return all decisions, the earliest first.

        Raises
        ------
        InputError
            If the file was damaged; the line is named.
        """
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return []
        # Lines are only ever added: who asks at every request reads the file when there is a new one.
        seen = (state.st_mtime_ns, state.st_size)
        if self._read[0] == seen:
            return list(self._read[1])
        found = []
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                content = json.loads(line)
            except json.JSONDecodeError:
                raise InputError(f"line {number} of {FILE} is not JSON", field="overrides") from None
            found.append(validate(Override, content, source=f"line {number} of {FILE}"))
        self._read = (seen, found)
        return list(found)

    def in_force(self, as_of: date) -> list[Override]:
        """Return the decisions in force at a date, one an enterprise and model: the newest."""
        newest: dict[tuple[str, str], Override] = {}
        for override in self.all():
            if override.holds(as_of):
                newest[override.credit_code, override.model] = override
        return list(newest.values())

    def of_each(self, asked: Iterable[tuple[str, date]]) -> list[Mapping[str, str]]:
        """Return model → tier of the decisions in force, of each enterprise at its date."""
        decided: dict[str, list[Override]] = {}
        for one in self.all():
            decided.setdefault(one.credit_code, []).append(one)
        return [
            {one.model: one.tier for one in decided.get(code, ()) if one.holds(as_of)}
            for code, as_of in asked
        ]


def tiers_by_model(overrides: Sequence[Override]) -> dict[str, dict[str, str]]:
    """Return model → credit code → tier."""
    found: dict[str, dict[str, str]] = {}
    for one in overrides:
        found.setdefault(one.model, {})[one.credit_code] = one.tier
    return found
