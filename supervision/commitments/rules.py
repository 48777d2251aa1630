"""Kinds of commitments: text, verification, consequences."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field

from features.errors import InputError
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, read_rules, version_in_force
from supervision.plan_rules import Sourced

COMMITMENTS = Path(__file__).resolve().parent / "commitments.yaml"


class Consequence(Sourced):
    """What follows from a broken commitment."""

    name: str
    label: Words


class CommitmentKind(Sourced):
    """One kind.

    Attributes
    ----------
    asks
        Action that the enterprise must be allowed (:func:`supervision.lists.restrictions.may`).
    needs_subject
        Whether it must name what it is for: a licence, a record.
    """

    label: Words
    text: Words
    asks: str | None = None
    needs_subject: bool = False
    verify_within_months: int = Field(ge=1)
    consequences: tuple[Consequence, ...] = ()


class CommitmentRules(Dated, Sourced):
    """All kinds from a date on."""

    kinds: dict[str, CommitmentKind]

    def kind(self, name: str) -> CommitmentKind:
        """Return a kind.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        if name not in self.kinds:
            known = ", ".join(f"{k} ({v.label.en})" for k, v in self.kinds.items())
            raise InputError(f"there is no commitment {name!r}", field="kind", fix=f"Use one of {known}.")
        return self.kinds[name]


class _File(Strict):
    versions: tuple[CommitmentRules, ...]


def load_commitments(on: date, path: Path | None = None) -> CommitmentRules:
    """Return the rules in force on a date.

    Raises
    ------
    InputError
        If there are none, or the file is not valid.
    """
    return version_in_force(read_rules(_File, path or COMMITMENTS).versions, on, "commitments")
