"""The data dictionary, printed from the declarations."""

from __future__ import annotations

from collections.abc import Iterable

from features.definitions.declaration import SECTORS
from features.definitions.feature import Direction, Feature
from features.definitions.indicators import FIRST_LEVEL, SECOND_LEVEL
from features.records import TABLES, Label

DIRECTION_WORDS = {
    Direction.RAISES: Label("越大风险越高", "raises risk"),
    Direction.NONE: Label("不预设方向", "no direction set"),
    Direction.LOWERS: Label("越大风险越低", "lowers risk"),
}


def describe(feature: Feature) -> dict[str, object]:
    """Return all that is declared of a feature, as plain data."""
    first = feature.indicator.split(".", maxsplit=1)[0]
    return {
        "name": feature.name,
        "group": feature.group,
        "label": {"zh": feature.label.zh, "en": feature.label.en},
        "indicator": feature.indicator,
        "indicator_label": {
            "zh": f"{FIRST_LEVEL[first].zh} · {SECOND_LEVEL[feature.indicator].zh}",
            "en": f"{FIRST_LEVEL[first].en} · {SECOND_LEVEL[feature.indicator].en}",
        },
        "meaning": feature.meaning,
        "unit": feature.unit,
        "direction": int(feature.direction),
        "sector": feature.sector,
        "tables": list(feature.tables),
        "basis": feature.basis,
        "categories": None if feature.categories is None else list(feature.categories),
        "across_enterprises": feature.across is not None,
    }


def data_dictionary(features: Iterable[Feature]) -> str:
    """Return the data dictionary as Markdown, in the order of the indicator system.

    Parameters
    ----------
    features
        Features, in any order.

    Examples
    --------
    >>> from features.definitions import LIBRARY
    >>> print(data_dictionary([LIBRARY["penalties_1y"]]).splitlines()[4])
    ### 行政处罚 penalties
    """
    found = list(features)
    tables = {table for feature in found for table in feature.tables}
    lines = [f"{len(found)} features over {len(tables)} record tables.", ""]
    for first, words in FIRST_LEVEL.items():
        of_first = [f for f in found if f.indicator.split(".", maxsplit=1)[0] == first]
        if not of_first:
            continue
        lines += [f"## {words.zh} {words.en}", ""]
        for second, title in SECOND_LEVEL.items():
            of_second = [feature for feature in of_first if feature.indicator == second]
            if not of_second:
                continue
            lines += [f"### {title.zh} {title.en}", "", *_table(of_second), ""]
    return "\n".join(lines)


def _table(features: list[Feature]) -> list[str]:
    lines = [
        "| feature | 名称 | name | value | unit | direction | sector | tables | lawful basis |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for feature in features:
        cells = (
            f"`{feature.name}`",
            feature.label.zh,
            feature.label.en,
            feature.meaning,
            feature.unit,
            DIRECTION_WORDS[feature.direction].en,
            SECTORS[feature.sector].en,
            ", ".join(f"{table} {TABLES[table].label.zh}" for table in feature.tables),
            feature.basis,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines
