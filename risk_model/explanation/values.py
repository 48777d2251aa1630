"""Feature values in words: counts, days, money, shares, categories, in Chinese and English."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial

from features.definitions import Feature
from features.records import Label

MISSING = Label("无记录", "no record")
_FEN_A_YUAN = 100
_YUAN_A_WAN = 10_000
_DAYS_A_YEAR = 365.25
#: Says a value in words.
Speaker = Callable[[float], Label]
#: Values of one unit whose words are kept: counts, shares and days come again and again.
_KEPT = 4096


def value_in_words(feature: Feature, value: float) -> Label:
    """Return a value as a person would say it.

    Parameters
    ----------
    feature
        Its declaration gives the unit.
    value
        In the unit of the feature table: counts, days, fen, shares in 0-1, places of a category.

    Examples
    --------
    >>> from features.definitions import LIBRARY
    >>> value_in_words(LIBRARY["penalty_amount_3y"], 1_250_000).en
    'CNY 12,500'
    >>> value_in_words(LIBRARY["problem_share_3y"], 0.25).zh
    '25%'
    >>> value_in_words(LIBRARY["days_since_inspection"], float("nan")).zh
    '无记录'
    """
    # A zero reads the same whatever its sign.
    return MISSING if math.isnan(value) else _words(feature)(value + 0.0)


def speaker(feature: Feature) -> Speaker:
    """Return what says the values of a feature, but NaN, in words as :func:`value_in_words` does, many times.

    What was said before costs little.
    """
    words = _words(feature)
    # Features of one unit share what was said; each coded feature has words of its own.
    return _remembering(words) if feature.unit == "category" else _of_a_unit(words)


def _words(feature: Feature) -> Speaker:
    if feature.unit == "category":
        return partial(_category, feature.category_labels or ())
    return _WORDS.get(feature.unit, _number)


def _remembering(words: Speaker) -> Speaker:
    """Return the same words, the last of them kept."""

    @lru_cache(maxsize=_KEPT)
    def kept(value: float) -> Label:
        return words(value + 0.0)

    return kept


#: The words of a unit, remembered: one memory a unit, and there are four.
_of_a_unit = cache(_remembering)


def _number(value: float) -> Label:
    text = f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
    return Label(text, text)


def _days(value: float) -> Label:
    if abs(value) < 2 * _DAYS_A_YEAR:
        days = round(value)
        return Label(f"{days}天", f"{days} day" if days == 1 else f"{days} days")
    years = value / _DAYS_A_YEAR
    return Label(f"{years:.1f}年", f"{years:.1f} years")


def _fen(value: float) -> Label:
    yuan = value / _FEN_A_YUAN
    zh = f"{yuan / _YUAN_A_WAN:,.2f}万元" if abs(yuan) >= _YUAN_A_WAN else f"{yuan:,.0f}元"
    return Label(zh, f"CNY {yuan:,.0f}")


def _share(value: float) -> Label:
    text = f"{100 * value:.0f}%"
    return Label(text, text)


def _category(labels: tuple[Label, ...], value: float) -> Label:
    place = int(value)
    return labels[place] if 0 <= place < len(labels) else Label("其他", "other")


_WORDS: Mapping[str, Speaker] = {
    "days": _days,
    "fen": _fen,
    "share": _share,
}
