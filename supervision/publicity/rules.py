"""The rules of publication: tables and columns, periods, exclusions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, model_validator

from features.records import TABLES
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, read_rules, version_in_force
from supervision.plan_rules import Sourced, Trust

PUBLICITY = Path(__file__).resolve().parent / "publicity.yaml"

Where = dict[str, tuple[str, ...]]


class Shorter(Strict):
    """Records with a shorter period: by column values, or by an amount of at most so much."""

    where: Where
    amount_up_to_fen: int | None = Field(default=None, ge=0)
    months: int = Field(ge=1)


class PublishedTable(Sourced):
    """What of a record table is published.

    Attributes
    ----------
    columns
        Its own columns that are shown; beside them credit code, event date, provider, record.
    never
        Records that are not published at all.
    open_only
        Only entries that have not ended.
    months, shorter
        How long; none: as long as the record is visible.
    """

    label: Words
    columns: tuple[str, ...] = Field(min_length=1)
    never: Where = {}
    open_only: bool = False
    months: int | None = Field(default=None, ge=1)
    shorter: tuple[Shorter, ...] = ()


class WithheldTable(Sourced):
    """Why a record table is not published."""

    ground: str
    why: Words


class RepeatOffenders(Sourced):
    """So many published penalties of one domain within so many months."""

    penalties: int = Field(ge=2)
    months: int = Field(ge=1)


class Publicity(Dated):
    """All rules of publication from a date on."""

    published: dict[str, PublishedTable]
    withheld: dict[str, WithheldTable]
    blot_out: tuple[str, ...]
    grounds: dict[str, Words]
    grounds_source: str
    grounds_trust: Trust
    withdraw_working_days: int = Field(ge=0)
    withdraw_source: str
    withdraw_trust: Trust
    answer_working_days: int = Field(ge=0)
    answer_source: str
    answer_trust: Trust
    repeat_offenders: RepeatOffenders

    @model_validator(mode="after")
    def _every_table_once(self) -> Publicity:
        both = set(self.published) & set(self.withheld)
        if both or set(self.published) | set(self.withheld) != set(TABLES):
            wrong = sorted(both or set(TABLES) ^ (set(self.published) | set(self.withheld)))
            msg = f"every record table is either published or withheld: {', '.join(wrong)}"
            raise ValueError(msg)
        for name, told in self.published.items():
            own = {column.name: column for column in TABLES[name].columns}
            unknown = [c for c in (*told.columns, *told.never) if c not in own]
            if unknown:
                msg = f"table {name} has no column {unknown[0]!r}"
                raise ValueError(msg)
            for where in (told.never, *(s.where for s in told.shorter)):
                for column, values in where.items():
                    codes = own[column].codes
                    if codes is not None and not all(value in codes for value in values):
                        msg = f"{name}.{column} has no such code among {', '.join(values)}"
                        raise ValueError(msg)
        return self


class _File(Strict):
    versions: tuple[Publicity, ...]


def load_publicity(on: date, path: Path | None = None) -> Publicity:
    """Return the rules in force on a date.

    Raises
    ------
    InputError
        If there are none, or the file is not valid.
    """
    return version_in_force(read_rules(_File, path or PUBLICITY).versions, on, "publication")
