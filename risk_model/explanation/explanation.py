"""Why an enterprise has its score and tier: numbers that add up, and sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import takewhile
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from features.definitions import LIBRARY
from features.errors import InputError
from features.records import Label
from risk_model.calibration import probability
from risk_model.explanation.evidence import Evidence
from risk_model.explanation.roll_up import (
    FeatureReason,
    GroupReason,
    by_declaration,
    by_first_level,
    by_indicator,
    feature_reasons,
)
from risk_model.model import RiskModel
from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIER_WORDS, TierPolicy

if TYPE_CHECKING:
    import shap

LANGUAGES = ("zh", "en")
#: A reason that moves the score by less than half a point is not worth a sentence.
SMALLEST_POINTS = 0.5


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
    reasons: tuple[FeatureReason, ...]

    @property
    def contribution(self) -> float:
        """What it adds in all, in log-odds."""
        return fsum(reason.contribution for reason in self.reasons)

    @cached_property
    def indicators(self) -> tuple[GroupReason, ...]:
        """Second-level indicators."""
        return by_indicator(self.reasons)


def parts_of(model: RiskModel, row: np.ndarray) -> tuple[Part, ...]:
    """Return the parts of one row, shape (1, features); none if the model starts from no other."""
    return _parts_of_rows(model, row)[0]


def _parts_of_rows(model: RiskModel, rows: np.ndarray) -> list[tuple[Part, ...]]:
    if model.base is None:
        return [()] * len(rows)
    titles = {model.base.name: Label(**model.base.title), model.name: Label(**model.title)}
    parts, features = model.parts(rows), model.features
    return [
        tuple(
            Part(name, titles[name], feature_reasons(features, values, told[row]))
            for name, told in parts.items()
        )
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
    reasons: tuple[FeatureReason, ...]
    points_a_unit: float
    prior: float | None = None
    floor: Mapping[str, Any] | None = None
    parts: tuple[Part, ...] = ()

    @cached_property
    def declarations(self) -> tuple[GroupReason, ...]:
        """Windows of one fact as one reason, the strongest first."""
        return by_declaration(self.reasons)

    @cached_property
    def indicators(self) -> tuple[GroupReason, ...]:
        """Second-level indicators."""
        return by_indicator(self.reasons)

    @cached_property
    def first_levels(self) -> tuple[GroupReason, ...]:
        """First-level indicators."""
        return by_first_level(self.reasons)

    @property
    def residual(self) -> float:
        """Margin less base value and contributions; 0 but for rounding."""
        return self.margin - fsum([self.base_value, *[reason.contribution for reason in self.reasons]])

    def points(self, contribution: float) -> float:
        """Return what a contribution moves the score by, in points."""
        return contribution * self.points_a_unit

    def raised(self, count: int = 3) -> tuple[GroupReason, ...]:
        """Return what raised the score most."""
        return self._moving(lambda points: points >= SMALLEST_POINTS)[:count]

    def lowered(self, count: int = 3) -> tuple[GroupReason, ...]:
        """Return what lowered the score most."""
        return self._moving(lambda points: points <= -SMALLEST_POINTS)[:count]

    def _moving(self, far_enough: Callable[[float], bool]) -> tuple[GroupReason, ...]:
        adding = takewhile(lambda group: group.contribution, self.declarations)
        return tuple(group for group in adding if far_enough(self.points(group.contribution)))

    @cached_property
    def told(self) -> tuple[GroupReason, ...]:
        """The reasons that are put into sentences: what raised, then what lowered the score most."""
        return (*self.raised(), *self.lowered())

    @cached_property
    def _said(self) -> tuple[Label, ...]:
        """Each of :attr:`told` as a sentence."""
        return tuple(
            Label(*(reason_sentence(self, group, lang) for lang in LANGUAGES)) for group in self.told
        )

    def decision(self, lang: str) -> str:
        """Return in a sentence how the tier was decided."""
        return _decision(self)[_language(lang)]

    def sentences(self, lang: str) -> list[str]:
        """Return the explanation in sentences: decision, what raised, what lowered."""
        _language(lang)
        return [
            self.decision(lang),
            *(said[lang] for said in self._said),
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
        """

        def label(words: Label) -> Any:
            return {"zh": words.zh, "en": words.en} if lang is None else words[_language(lang)]

        def feature(reason: FeatureReason) -> dict[str, Any]:
            return {
                "feature": reason.feature.name,
                "label": label(reason.feature.label),
                "indicator": reason.feature.indicator,
                "value": None if math.isnan(reason.value) else reason.value,
                "value_in_words": label(reason.value_label),
                "contribution": reason.contribution,
                "points": round(self.points(reason.contribution), 2),
            }

        def groups(found: tuple[GroupReason, ...]) -> list[dict[str, Any]]:
            return [
                {
                    "name": group.name,
                    "label": label(group.label),
                    "contribution": group.contribution,
                    "points": round(self.points(group.contribution), 2),
                }
                for group in found
            ]

        def reason(group: GroupReason, said: Label) -> dict[str, Any]:
            behind = None if evidence is None else evidence.of(group)
            return {
                "name": group.name,
                "sentence": label(said),
                "points": round(self.points(group.contribution), 2),
                "features": [one.feature.name for one in group.features if one.contribution],
                "evidence": None if behind is None else behind.as_dict(lang),
            }

        languages = LANGUAGES if lang is None else (lang,)
        return {
            "credit_code": self.credit_code,
            "name": self.name,
            "as_of": self.as_of.isoformat(),
            "model": self.model,
            "model_title": label(self.model_title),
            "target": label(self.target),
            "version": self.version,
            "score": self.score,
            "probability": self.probability,
            "margin": self.margin,
            "base_value": self.base_value,
            "tier": self.tier,
            "tier_label": label(Label(**TIER_WORDS[self.tier].model_dump())),
            "tier_by_score": self.tier_by_score,
            "decided_by": self.decided_by,
            "previous_tier": self.previous_tier,
            "records": self.records,
            "prior": self.prior,
            "sentences": {code: self.sentences(code) for code in languages}
            if lang is None
            else self.sentences(lang),
            "reasons": [reason(group, said) for group, said in zip(self.told, self._said, strict=True)],
            "first_levels": groups(self.first_levels),
            "indicators": groups(self.indicators),
            "parts": [
                {
                    "model": part.model,
                    "label": label(part.title),
                    "contribution": part.contribution,
                    "points": round(self.points(part.contribution), 2),
                    "indicators": groups(tuple(one for one in part.indicators if one.contribution)),
                }
                for part in self.parts
            ],
            "features": [
                feature(one)
                for one in sorted(
                    [reason for reason in self.reasons if reason.contribution],
                    key=lambda reason: -abs(reason.contribution),
                )
            ],
            "residual": self.residual,
        }


def reason_sentence(explanation: Explanation, group: GroupReason, lang: str) -> str:
    """Return one reason as a sentence: the fact with its numbers, and what it does to the score."""
    shown = [reason for reason in group.features if reason.contribution] or list(group.features)
    facts = {
        reason.feature.label[lang]: reason.value_label[lang]
        for reason in sorted(shown, key=lambda r: r.feature.name)
    }
    points = explanation.points(group.contribution)
    if lang == "zh":
        text = "，".join(f"{name}：{value}" for name, value in facts.items())
        return f"{text}，使风险分值{'上升' if points > 0 else '下降'}{abs(points):.1f}分。"
    text = "; ".join(f"{name}: {value}" for name, value in facts.items())
    moves = "Raises" if points > 0 else "Lowers"
    return f"{text[:1].upper()}{text[1:]}. {moves} the score by {abs(points):.1f} points."


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


def _language(lang: str) -> str:
    if lang not in LANGUAGES:
        raise InputError(
            f"there is no language {lang!r}", field="lang", fix=f"Use one of {', '.join(LANGUAGES)}."
        )
    return lang


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
        reasons=feature_reasons([LIBRARY[f] for f in found.names], found.values, found.contributions),
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
    features, factor = model.features, model.policy.score.factor
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
            reasons=feature_reasons(features, rows[row], found.values[row]),
            points_a_unit=factor,
            floor=floor_of(model.policy, one.decision.decided_by),
            parts=parts[row],
        )
        for row, one in enumerate(whose)
    ]
