"""The records behind an explanation, as far as its reader may be told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features.definitions import Feature
from features.records import TABLES, Label
from features.runners.threads import RecordReader
from risk_model.explanation.evidence.attribution import Made, attribute
from risk_model.explanation.evidence.disclosure import Disclosure, Officers
from risk_model.explanation.evidence.words import COMMA, NUMBER, TELLING, labelled

if TYPE_CHECKING:
    from risk_model.explanation.explanation import Explanation
    from risk_model.explanation.roll_up import GroupReason

#: Records that a sentence names; the others are counted.
NAMED = 5
ELSEWHERE = Label(
    "另由其他主体的记录得出，不在此列示", "also made of records of other enterprises, not shown here"
)


@dataclass(frozen=True)
class LinkedRecord:
    """A record that made a feature.

    Attributes
    ----------
    table, record_id
        Where it stands in the store.
    number
        Under which others know it: of a decision or a licence its number, else the identifier.
    event_date, recorded_at
        When it happened, and when it was known, if the reader may know that.
    provider
        Where it comes from.
    details
        What it was, in words: column → value.
    counts
        Whether the value counts it; else it is only compared with it.
    """

    table: str
    record_id: str
    number: str
    event_date: date
    recorded_at: date | None
    provider: str
    details: Mapping[str, Label]
    counts: bool

    def sentence(self, lang: str) -> str:
        """Return the record in a few words."""
        what = COMMA[lang].join(detail[lang] for detail in self.details.values() if detail[lang])
        table = TABLES[self.table].label[lang]
        if lang == "zh":
            return f"{self.event_date} {table} {self.number}" + (f"（{what}）" if what else "")
        return f"{table} no. {self.number} of {self.event_date}" + (f" ({what})" if what else "")

    def as_dict(self, lang: str | None = None) -> dict[str, Any]:
        """Return the record as plain data, words in one language or in both."""

        def words(label: Label) -> Any:
            return {"zh": label.zh, "en": label.en} if lang is None else label[lang]

        return {
            "table": self.table,
            "table_label": words(TABLES[self.table].label),
            "record_id": self.record_id,
            "number": self.number,
            "event_date": self.event_date.isoformat(),
            "recorded_at": None if self.recorded_at is None else self.recorded_at.isoformat(),
            "provider": self.provider,
            "details": {name: words(label) for name, label in self.details.items()},
            "counts": self.counts,
        }


@dataclass(frozen=True)
class FeatureEvidence:
    """What made one feature, or several together.

    Attributes
    ----------
    records
        Those that count before those that are compared, the newest first.
    hidden
        Table and place of the records that made it and of which the reader may not be told.
    elsewhere
        Whether records of other enterprises are part of it; they are never named.
    """

    records: tuple[LinkedRecord, ...]
    hidden: frozenset[tuple[str, int]]
    elsewhere: bool

    @property
    def withheld(self) -> int:
        """Number of the records of which the reader may not be told."""
        return len(self.hidden)

    def sentence(self, lang: str) -> str:
        """Return the records in one sentence; empty if nothing made it.

        The same records give the same sentence.
        """
        parts = [record.sentence(lang) for record in self.records[:NAMED]]
        more = len(self.records) - NAMED
        if more > 0:
            parts.append(f"另有{more}条" if lang == "zh" else f"{more} more")
        if self.withheld:
            parts.append(
                f"{self.withheld}条依法不列示" if lang == "zh" else f"{self.withheld} that the law withholds"
            )
        if self.elsewhere:
            parts.append(ELSEWHERE[lang])
        if not parts:
            return ""
        return f"相关记录：{'；'.join(parts)}。" if lang == "zh" else f"Records: {'; '.join(parts)}."

    def as_dict(self, lang: str | None = None) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "records": [record.as_dict(lang) for record in self.records],
            "withheld": self.withheld,
            "of_others": self.elsewhere,
        }


@dataclass(frozen=True)
class Evidence:
    """The records behind all features of an explanation.

    Attributes
    ----------
    features
        Name of the feature → its records.
    """

    features: Mapping[str, FeatureEvidence]

    def of(self, group: GroupReason) -> FeatureEvidence:
        """Return the records behind the features of a reason that move the score, each once."""
        found: dict[tuple[str, str], LinkedRecord] = {}
        hidden: frozenset[tuple[str, int]] = frozenset()
        elsewhere = False
        for reason in group.features:
            own = self.features[reason.feature.name]
            if not reason.contribution:
                continue
            hidden, elsewhere = hidden | own.hidden, elsewhere or own.elsewhere
            for record in own.records:
                key = (record.table, record.record_id)
                if key not in found or (record.counts and not found[key].counts):
                    found[key] = record
        return FeatureEvidence(_in_order(found.values()), hidden, elsewhere)


def evidence_of(
    records: RecordReader,
    explanation: Explanation,
    disclosure: Disclosure | None = None,
    *,
    groups: Iterable[GroupReason] | None = None,
) -> Evidence:
    """Return the records that made the features of an explanation at its date.

    Parameters
    ----------
    records
        The state of the records that the classification saw.
    explanation
        The explanation.
    disclosure
        What its reader may be told; by default what officers may.
    groups
        Only of the features of these reasons; by default of all.
    """
    may = disclosure or Officers()
    code, as_of = explanation.credit_code, explanation.as_of
    asked = explanation.reasons if groups is None else [one for group in groups for one in group.features]
    features = [reason.feature for reason in asked]
    names = {term.table for feature in features for term in feature.terms}
    names |= {table for feature in features for table in feature.tables}
    tables = {
        name: records.read(name, codes=(code, code))
        for name in TABLES
        if name in names and records.exists(name)
    }
    made = attribute(features, tables, code, as_of)
    shown = _Shown(tables, may)
    return Evidence({feature.name: shown.evidence(feature, made[feature.name]) for feature in features})


class _Shown:
    """Records as the reader may see them."""

    def __init__(self, tables: Mapping[str, pa.Table], may: Disclosure) -> None:
        self._told = {name: may.tell(name, table) for name, table in tables.items()}

    def evidence(self, feature: Feature, made: Iterable[Made]) -> FeatureEvidence:
        """Return the records behind one feature."""
        found: list[LinkedRecord] = []
        hidden: set[tuple[str, int]] = set()
        for part in made:
            asked = tuple(term.column for term in feature.terms if term.table == part.table and term.column)
            for rows, counts in ((part.counted, True), (part.beside, False)):
                for row in rows:
                    values = self._told[part.table][row]
                    if values is None:
                        hidden.add((part.table, row))
                    else:
                        found.append(_record(part.table, values, asked, counts=counts))
        return FeatureEvidence(_in_order(found), frozenset(hidden), feature.across is not None)


def _record(table: str, values: Mapping[str, Any], asked: tuple[str, ...], *, counts: bool) -> LinkedRecord:
    schema, number = TABLES[table], NUMBER.get(table, "record_id")
    told = dict.fromkeys([*TELLING[table], *asked])
    return LinkedRecord(
        table=table,
        record_id=values["record_id"],
        number=values.get(number) or values["record_id"],
        event_date=values["event_date"],
        recorded_at=values.get("recorded_at"),
        provider=values["provider"],
        details={
            name: labelled(schema.column(name), values[name]) for name in told if values.get(name) is not None
        },
        counts=counts,
    )


def _in_order(records: Iterable[LinkedRecord]) -> tuple[LinkedRecord, ...]:
    """Return records that count before those that are compared, the newest first."""
    ordered = sorted(records, key=lambda one: (one.table, one.record_id))
    ordered.sort(key=lambda one: one.event_date, reverse=True)
    return tuple(sorted(ordered, key=lambda one: not one.counts))
