"""When the steps of a procedure are due, and whether they were taken in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from risk_model.specification import Words
from supervision.lists.rules import ListRules
from supervision.working_days import WorkingCalendar


@dataclass(frozen=True)
class StepDue:
    """A step whose time runs.

    Attributes
    ----------
    due
        Last day on which it can be taken.
    done
        Day on which it was taken, if it was.
    late
        Whether it was taken, or is still open, after that day.
    exact
        Whether the calendar has a holiday schedule for all the days counted.
    """

    name: str
    label: Words
    since: date
    due: date
    done: date | None
    late: bool
    exact: bool
    source: str
    trust: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self.__dict__, "label": self.label.model_dump()}


def timetable(
    rules: ListRules, events: Mapping[str, date], on: date, calendar: WorkingCalendar
) -> list[StepDue]:
    """Return the steps whose time runs from what has happened.

    Parameters
    ----------
    rules
        Rules of the list.
    events
        What has happened when: ``found``, ``penalty``, ``applied``, and steps by name.
    on
        The day on which an open step is judged.
    calendar
        Working days.
    """
    steps = []
    for step in rules.steps:
        since = events.get(step.from_)
        if since is None:
            continue
        due = calendar.after(since, step.working_days)
        done = events.get(step.name)
        steps.append(
            StepDue(
                name=step.name,
                label=step.label,
                since=since,
                due=due,
                done=done,
                late=(done or on) > due,
                exact=calendar.covers(since, due),
                source=step.source,
                trust=step.trust,
            )
        )
    return steps
