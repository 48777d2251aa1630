"""Why an enterprise has its score and tier: numbers that add up, and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from math import fsum, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from features.definitions import LIBRARY
from features.errors import InputError
from features.records import Label
from risk_model.calibration import probability
from risk_model.explanation.arrangement import arrangement
from risk_model.explanation.document import Language, document
from risk_model.explanation.evidence import Evidence
from risk_model.explanation.roll_up import GroupReason, Reasons
from risk_model.explanation.values import MISSING
from risk_model.model import RiskModel
from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIER_WORDS, TierPolicy

if TYPE_CHECKING:
    import shap

LANGUAGES: tuple[Language, ...] = ("zh", "en")
#: A reason that moves the score by less than half a point is not worth a sentence.
SMALLEST_POINTS = 0.5
#: Reasons each way that are put into sentences.
MOST_TOLD = 3


@dataclass(frozen=True)
class Part:
    """What the trees of one model add to the margin: of a sector model, the general ones or its own.

    Attributes
    ----------
    model, title
        Whose trees.
    reasons
        One a feature of the explanation, in its order; with those of the other part each sums to it.
    """

    model: str
    title: Label
    reasons: Reasons

    @cached_property
    def contribution(self) -> float:
        """What it adds in all, in log-odds."""
        return fsum(self.reasons.contributions)

    @cached_property
    def indicators(self) -> tuple[GroupReason, ...]:
        """Second-level indicators."""
        return self.reasons.indicators.groups()


def parts_of(model: RiskModel, row: np.ndarray) -> tuple[Part, ...]:
    """Return the parts of one row, shape (1, features); none if the model starts from no other."""
    return _parts_of_rows(model, row)[0]


def _parts_of_rows(model: RiskModel, rows: np.ndarray) -> list[tuple[Part, ...]]:
    if model.base is None:
        return [()] * len(rows)
    titles = {model.base.name: Label(**model.base.title), model.name: Label(**model.title)}
    parts, arranged = model.parts(rows), arrangement(model.feature_names)
    return [
        tuple(Part(name, titles[name], Reasons(arranged, values, told[row])) for name, told in parts.items())
        for row, values in enumerate(rows)
    ]


@dataclass(frozen=True)
class Explanation:
    """The score of one enterprise by one model, taken apart.

    Attributes
    ----------
    base_value
        Margin of nothing known; with all contributions it sums to ``margin``.
    reasons
        One a feature.
    points_a_unit
        Score points per unit of margin.
    prior
        Mean probability of all that the model classified, where it is known.
    floor
        The rule that set the tier, if one did.
    parts
        Of a sector model what the general model's trees and its own add; empty where it was not worked
        out or there is only one part.
    """

    credit_code: str
    name: str | None
    as_of: date
    model: str
    model_title: Label
    target: Label
    version: str
    base_value: float
    margin: float
    probability: float
    score: float
    tier: str
    tier_by_score: str
    decided_by: str
    previous_tier: str | None
    records: int
    reasons: Reasons
    points_a_unit: float
    prior: float | None = None
    floor: Mapping[str, Any] | None = None
    parts: tuple[Part, ...] = ()

    @cached_property
    def declarations(self) -> tuple[GroupReason, ...]:
        """Windows of one fact as one reason, the strongest first."""
        return self.reasons.declarations.groups()

    @cached_property
    def indicators(self) -> tuple[GroupReason, ...]:
        """Second-level indicators."""
        return self.reasons.indicators.groups()

    @cached_property
    def first_levels(self) -> tuple[GroupReason, ...]:
        """First-level indicators."""
        return self.reasons.first_levels.groups()

    @cached_property
    def residual(self) -> float:
        """Margin less base value and contributions; 0 but for rounding."""
        return self.margin - fsum([self.base_value, *self.reasons.contributions])

    def points(self, contribution: float) -> float:
        """Return what a contribution moves the score by, in points."""
        return contribution * self.points_a_unit

    def raised(self, count: int = MOST_TOLD) -> tuple[GroupReason, ...]:
        """Return what raised the score most."""
        return tuple(map(self.reasons.declarations.group, self._raising(count)))

    def lowered(self, count: int = MOST_TOLD) -> tuple[GroupReason, ...]:
        """Return what lowered the score most."""
        return tuple(map(self.reasons.declarations.group, self._lowering(count)))

    def _raising(self, count: int) -> list[int]:
        return self._moving(lambda points: points >= SMALLEST_POINTS, count)

    def _lowering(self, count: int) -> list[int]:
        return self._moving(lambda points: points <= -SMALLEST_POINTS, count)

    def _moving(self, far_enough: Callable[[float], bool], count: int) -> list[int]:
        found = self.reasons.declarations
        places = (place for place in found.adding if far_enough(self.points(found.totals[place])))
        return list(islice(places, count))

    @cached_property
    def telling(self) -> tuple[int, ...]:
        """Places, among the declarations, of :attr:`told`."""
        return (*self._raising(MOST_TOLD), *self._lowering(MOST_TOLD))

    @cached_property
    def told(self) -> tuple[GroupReason, ...]:
        """The reasons that are put into sentences: what raised, then what lowered the score most."""
        return tuple(map(self.reasons.declarations.group, self.telling))

    @cached_property
    def said(self) -> tuple[Label, ...]:
        """Each of :attr:`told` as a sentence."""
        # From the places: to make the objects would take longer than to say it.
        reasons = self.reasons
        facts, values, contributions = reasons.arrangement.facts, reasons.values, reasons.contributions
        found = reasons.declarations
        said = []
        for place in self.telling:
            members = found.grouping.named[place]
            told = []
            for member in [one for one in members if contributions[one]] or members:
                _, zh, en, _, speaker = facts[member]
                value = values[member]
                words = MISSING if isnan(value) else speaker(value)
                told.append((zh, words.zh, en, words.en))
            said.append(_say(told, self.points(found.totals[place])))
        return tuple(said)

    def decision(self, lang: str) -> str:
        """Return in a sentence how the tier was decided."""
        return self._decided[_language(lang)]

    @cached_property
    def _decided(self) -> Label:
        return _decision(self)

    def sentences(self, lang: str) -> list[str]:
        """Return the explanation in sentences: decision, what raised, what lowered."""
        _language(lang)
        return [
            self.decision(lang),
            *(said[lang] for said in self.said),
        ]

    def to_shap(self, lang: str | None = None) -> shap.Explanation:
        """Return it as an object of the package ``shap``, whose plots take it.

        Parameters
        ----------
        lang
            ``zh`` or ``en``: labels of the features instead of their names.

        Raises
        ------
        InputError
            If the package is not installed.
        """
        from risk_model.explanation.shap_values import of_one

        return of_one(self, lang=None if lang is None else _language(lang))

    def as_dict(self, lang: str | None = None, evidence: Evidence | None = None) -> dict[str, Any]:
        """Return the explanation as plain data.

        Parameters
        ----------
        lang
            ``zh`` or ``en``: labels in that language only; by default in both.
        evidence
            The records behind it; without it, the reasons name none.

        Raises
        ------
        InputError
            If there is no such language.
        """
        return document(self, None if lang is None else _language(lang), evidence)


def reason_sentence(explanation: Explanation, group: GroupReason, lang: str) -> str:
    """Return one reason as a sentence: the fact with its numbers, and what it does to the score."""
    return _sentence(explanation, group)[lang]


def _sentence(explanation: Explanation, group: GroupReason) -> Label:
    shown = [reason for reason in group.features if reason.contribution] or list(group.features)
    shown.sort(key=lambda reason: reason.feature.name)
    words = [(reason.feature.label, reason.value_label) for reason in shown]
    return _say(
        [(label.zh, value.zh, label.en, value.en) for label, value in words],
        explanation.points(group.contribution),
    )


def _say(told: Sequence[tuple[str, str, str, str]], points: float) -> Label:
    """Return facts and what they move as a sentence; of each the label and the value in both languages."""
    # Windows of one fact may share a label: what the last of them says counts.
    zh = "，".join([f"{name}：{value}" for name, value in {one[0]: one[1] for one in told}.items()])
    en = "; ".join([f"{name}: {value}" for name, value in {one[2]: one[3] for one in told}.items()])
    zh_moves, en_moves = ("上升", "Raises") if points > 0 else ("下降", "Lowers")
    size = f"{abs(points):.1f}"
    return Label(
        f"{zh}，使风险分值{zh_moves}{size}分。",
        f"{en[:1].upper()}{en[1:]}. {en_moves} the score by {size} points.",
    )


def _decision(explanation: Explanation) -> Label:
    tier, words = explanation.tier, TIER_WORDS[explanation.tier]
    share = 100 * explanation.probability
    if tier == INSUFFICIENT:
        prior = "" if explanation.prior is None else f"同类主体平均{100 * explanation.prior:.1f}%。"
        prior_en = (
            ""
            if explanation.prior is None
            else f" The average of its kind is {100 * explanation.prior:.1f}%."
        )
        return Label(
            f"监管记录不足（{explanation.records}条），不评定等级。{prior}",
            f"Too few records of supervision ({explanation.records}) for a tier.{prior_en}",
        )
    zh = (
        f"{tier}级（{words.zh}），风险分值{explanation.score:.0f}，"
        f"{explanation.target.zh}的概率{share:.1f}%。"
    )
    en = (
        f"Tier {tier} ({words.en}), score {explanation.score:.0f}; "
        f"probability that {explanation.target.en}: {share:.1f}%."
    )
    if explanation.floor is not None:
        label, basis = explanation.floor["label"], explanation.floor["basis"]
        zh += (
            f"因{label['zh']}，等级不低于{explanation.floor['tier']}（{basis}）；"
            f"仅按分值为{explanation.tier_by_score}级。"
        )
        en += (
            f" At least tier {explanation.floor['tier']} because of: {label['en']} ({basis}); "
            f"by the score alone tier {explanation.tier_by_score}."
        )
    elif explanation.decided_by == "override":
        zh += f"等级由授权人员调整；仅按分值为{explanation.tier_by_score}级。"
        en += f" An authorised person set this tier; by the score alone tier {explanation.tier_by_score}."
    elif explanation.decided_by == "hysteresis":
        zh += f"分值仅略过{explanation.tier_by_score}级界线，维持上次等级。"
        en += (
            f" The score is only just past the cut of tier {explanation.tier_by_score}: the last tier stands."
        )
    return Label(zh, en)


def _language(lang: str) -> Language:
    for known in LANGUAGES:
        if lang == known:
            return known
    raise InputError(
        f"there is no language {lang!r}", field="lang", fix=f"Use one of {', '.join(LANGUAGES)}."
    )


def floor_of(policy: TierPolicy, decided_by: str) -> Mapping[str, Any] | None:
    """Return the floor rule that decided, or None."""
    kind, _, name = decided_by.partition(":")
    if kind != "floor":
        return None
    return next((floor.model_dump() for floor in policy.floors if floor.name == name), None)


def explain_published(
    publication: Publication,
    credit_code: str,
    model: str | None = None,
    *,
    load: Callable[[str, str], RiskModel] | None = None,
) -> Explanation:
    """Explain a published classification from what was published with it.

    Parameters
    ----------
    publication
        The classification.
    credit_code
        The enterprise.
    model
        By default the sector model of the riskiest tier that speaks of it, else the general one.
    load
        Loads a model by name and version, to tell the parts of a sector model apart.

    Raises
    ------
    InputError
        If it is not classified.
    """
    row = publication.find(credit_code, model)
    name = row["model"]
    told = publication.document["models"][name]
    policy = TierPolicy.model_validate(told["policy"])
    found = publication.contributions(credit_code, name)
    unknown = [feature for feature in found.names if feature not in LIBRARY.by_name]
    if unknown:
        raise InputError(
            f"classification {publication.name!r} uses feature {unknown[0]!r}, "
            "which this version does not know",
            field="snapshot",
            fix="Classify again with this version.",
        )
    return Explanation(
        credit_code=credit_code,
        name=row["name"],
        as_of=publication.as_of,
        model=name,
        model_title=Label(**told["title"]),
        target=Label(**told["target"]),
        version=row["version"],
        base_value=found.base_value,
        margin=row["margin"],
        probability=row["probability"],
        score=row["score"],
        tier=row["tier"],
        tier_by_score=row["tier_by_score"],
        decided_by=row["decided_by"],
        previous_tier=row["previous_tier"],
        records=row["records"],
        reasons=Reasons(arrangement(found.names), found.values, found.contributions),
        points_a_unit=policy.score.factor,
        prior=told["prior"],
        floor=floor_of(policy, row["decided_by"]),
        parts=() if load is None else parts_of(load(name, row["version"]), found.values[None]),
    )


@dataclass(frozen=True)
class Decision:
    """A score and how its tier was decided, of an enterprise that is not published."""

    score: float
    tier: str
    tier_by_score: str
    decided_by: str
    records: int


@dataclass(frozen=True)
class Explained:
    """Whose score is explained.

    Attributes
    ----------
    credit_code, name, as_of
        The enterprise and the date.
    decision, margin
        Its score and tier, and its margin from :meth:`RiskModel.margin`.
    """

    credit_code: str
    name: str | None
    as_of: date
    decision: Decision
    margin: float


def explain_rows(
    model: RiskModel, version: str, rows: np.ndarray, whose: Sequence[Explained]
) -> list[Explanation]:
    """Explain the scores of rows of features.

    Parameters
    ----------
    model, version
        The model and its registered version.
    rows
        From :meth:`RiskModel.matrix`, shape (n, features).
    whose
        One a row.
    """
    found, parts = model.contributions(rows), _parts_of_rows(model, rows)
    title, target = Label(**model.title), Label(**model.facts["specification"]["target"]["label"])
    probabilities = probability(np.array([one.margin for one in whose]))
    arranged, factor = arrangement(model.feature_names), model.policy.score.factor
    return [
        Explanation(
            credit_code=one.credit_code,
            name=one.name,
            as_of=one.as_of,
            model=model.name,
            model_title=title,
            target=target,
            version=version,
            base_value=found.base,
            margin=one.margin,
            probability=float(probabilities[row]),
            score=one.decision.score,
            tier=one.decision.tier,
            tier_by_score=one.decision.tier_by_score,
            decided_by=one.decision.decided_by,
            previous_tier=None,
            records=one.decision.records,
            reasons=Reasons(arranged, rows[row], found.values[row]),
            points_a_unit=factor,
            floor=floor_of(model.policy, one.decision.decided_by),
            parts=parts[row],
        )
        for row, one in enumerate(whose)
    ]
