"""Records in words: their number, and what they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.records import Label
from features.records.schema import Column

_FEN = 100
_YES = {"zh": ("否", "是"), "en": ("no", "yes")}

#: What tells a record of a table apart in a few words, in this order.
TELLING: Mapping[str, tuple[str, ...]] = {
    "enterprise": ("status", "enterprise_type", "industry", "district"),
    "licence": ("kind", "status", "valid_to"),
    "penalty": ("kind", "severity", "domain", "amount"),
    "inspection": ("kind", "domain", "selection", "outcome"),
    "finding": ("severity", "domain", "item"),
    "sampling_test": ("result", "severity", "product"),
    "abnormal_list": ("reason", "removed_on"),
    "serious_violation_list": ("ground", "removed_on"),
    "commitment": ("kind", "outcome"),
    "complaint": ("domain", "verified"),
    "annual_report": ("year", "late"),
    "change": ("item",),
    "relation": ("kind", "share", "ended_on"),
    "equipment": ("category", "status", "next_due"),
    "incident": ("domain", "grade", "injured", "deaths"),
    "credit_repair": ("decision", "target_table"),
}
#: The number under which others know a record; without it, the identifier under which it was loaded.
NUMBER: Mapping[str, str] = {
    "penalty": "document_no",
    "licence": "licence_no",
    "equipment": "equipment_id",
}
#: Between the parts of a list.
COMMA = Label("，", ", ")


def in_words(column: Column, value: Any, lang: str) -> str:
    """Return a value of a record as a person would read it.

    Parameters
    ----------
    column
        Its column.
    value
        As read from the store; None gives no text.
    lang
        ``zh`` or ``en``.
    """
    if value is None:
        return ""
    if column.codes is not None:
        label = column.codes.codes.get(value)
        return label[lang] if label else str(value)
    if column.type == "fen":
        return f"{value / _FEN:,.2f} {'元' if lang == 'zh' else 'CNY'}"
    if column.type == "bool":
        return _YES[lang][bool(value)]
    if column.type == "float":
        return f"{value:.4g}"
    return str(value)


def labelled(column: Column, value: Any) -> Label:
    """Return a value in both languages, with the column's name where the value alone says too little."""
    said = {lang: in_words(column, value, lang) for lang in ("zh", "en")}
    if column.codes is not None or column.name in {"amount", "product", "item"}:
        return Label(said["zh"], said["en"])
    return Label(f"{column.label.zh}：{said['zh']}", f"{column.label.en}: {said['en']}")
