"""The rule sets of the two lists: grounds, steps with time limits, removal, what long entries lead to."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from features.errors import InputError
from features.records import codes
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, in_force, read_rules, version_in_force
from supervision.plan_rules import Sourced, Trust

LISTS = Path(__file__).resolve().parent / "lists.yaml"

ListName = Literal["abnormal", "serious"]
#: Things that happen to an entry; a step's time limit runs from one of them.
Event = Literal["found", "penalty", "hear", "enter", "publish", "applied", "remove"]


class RemovalReason(Strict):
    """Why an entry is removed; ``withdraws``: it should never have been made, and is gone."""

    code: str
    label: Words
    withdraws: bool = False


class Ground(Sourced):
    """Why an enterprise is listed; ``domains`` are those whose penalties may stand behind it (none: all)."""

    label: Words
    removal: tuple[RemovalReason, ...] = Field(min_length=1)
    domains: tuple[str, ...] = ()


class Step(Sourced):
    """A step of the procedure, and how many working days after an event it is due."""

    name: str
    label: Words
    from_: Event = Field(alias="from")
    working_days: int = Field(ge=0)


class Escalation(Sourced):
    """What follows when an entry lasts: all conditions that are given must hold.

    Attributes
    ----------
    open_years
        The entry is that old.
    unreported_years
        So many of the newest annual reports that were due are missing.
    open_grounds
        There is also an open entry with one of these grounds.
    """

    name: str
    label: Words
    open_years: int | None = Field(default=None, ge=1)
    unreported_years: int | None = Field(default=None, ge=1)
    open_grounds: tuple[str, ...] = ()
    notice_days_before: int = Field(default=0, ge=0)


class HeavierPenalty(Sourced):
    """Penalties that can stand behind an entry: of these kinds, or of the others if serious."""

    kinds: tuple[str, ...]
    kinds_if_serious: tuple[str, ...] = ()


class ListRules(Dated):
    """The rules of one list from a date on."""

    label: Words
    table: Literal["abnormal_list", "serious_violation_list"]
    grounds: dict[str, Ground]
    steps: tuple[Step, ...]
    marked_instead: tuple[str, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    term_years: int | None = Field(default=None, ge=1)
    term_source: str = ""
    term_trust: Trust = "parameter"
    heavier_penalty: HeavierPenalty | None = None

    @model_validator(mode="after")
    def _codes(self) -> ListRules:
        known = {"abnormal_list": codes.ABNORMAL_REASON, "serious_violation_list": codes.SERIOUS_GROUND}
        unknown = [name for name in self.grounds if name not in known[self.table]]
        if unknown:
            msg = f"{self.table} has no ground {unknown[0]!r}"
            raise ValueError(msg)
        return self

    @property
    def ground_column(self) -> str:
        """Column of the record table that holds the ground."""
        return "reason" if self.table == "abnormal_list" else "ground"

    def ground(self, code: str) -> Ground:
        """Return a ground.

        Raises
        ------
        InputError
            If the list has none of this code.
        """
        if code not in self.grounds:
            known = ", ".join(f"{name} ({g.label.en})" for name, g in self.grounds.items())
            raise InputError(
                f"the {self.label.en} has no ground {code!r}", field="ground", fix=f"Use one of {known}."
            )
        return self.grounds[code]


class _File(Strict):
    lists: dict[ListName, tuple[ListRules, ...]]


def lists_in_force(on: date, path: Path | None = None) -> list[tuple[ListName, ListRules]]:
    """Return the lists that exist on a date, with their rules."""
    lists = read_rules(_File, path or LISTS).lists
    found = []
    for name, versions in lists.items():
        if in_force(versions, on):
            found.append((name, version_in_force(versions, on, f"the {name} list")))
    return found


def load_list_rules(name: str, on: date, path: Path | None = None) -> ListRules:
    """Return the rules of a list that are in force on a date.

    Parameters
    ----------
    name
        ``abnormal`` or ``serious``.
    on
        The date.
    path
        A province's own file; by default the shipped one.

    Raises
    ------
    InputError
        If there is no such list, or no rules for the date.
    """
    lists = read_rules(_File, path or LISTS).lists
    if name not in lists:
        raise InputError(f"there is no list {name!r}", field="list", fix=f"Use one of {', '.join(lists)}.")
    return version_in_force(lists[name], on, f"the {name} list")
