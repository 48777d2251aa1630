"""The model card: what a model is, how it does, and where it must not be trusted; generated from a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from risk_model.cards import figures
from risk_model.cards.document import Document, Section, Table, number, with_interval
from risk_model.cards.overall import explanation_sections
from risk_model.evaluation.selection import NAMES
from risk_model.explanation.overall import OverallExplanation
from risk_model.model import RiskModel


def hashes(model: RiskModel) -> dict[str, str]:
    """Return what identifies a model: SHA-256 of its trees (as saved), and of its feature definitions."""
    trees = "" if model.booster is None else model.booster.model_to_string()
    found = {
        "trees": hashlib.sha256(trees.encode()).hexdigest() if trees else "none",
        "features": str(model.facts["features"]),
        "data_snapshot": str(model.facts["data_snapshot"]),
    }
    if model.base is not None:
        found["base_trees"] = hashes(model.base)["trees"]
    return found


def card(
    model: RiskModel,
    evaluation: Mapping[str, Any],
    certificate: Mapping[str, Any],
    overall: OverallExplanation,
    tier_shares: Mapping[str, float],
) -> Document:
    """Write the card of a model.

    Parameters
    ----------
    model
        The model.
    evaluation
        From :func:`risk_model.evaluation.report.evaluate`.
    certificate
        From :func:`risk_model.evaluation.directions.certify`, with ``cost`` if it was measured.
    overall
        From :func:`risk_model.explanation.overall.explain_overall`.
    tier_shares
        Tier → share of the population at the newest test date.
    """
    specification = model.facts["specification"]
    return Document(
        title=f"Model card: {model.title['zh']} / {model.title['en']}",
        subtitle=(
            f"{model.name}, trained on snapshot {model.facts['data_snapshot']} of the records; "
            f"generated from the run."
        ),
        sections=[
            _purpose(model, specification, evaluation),
            _data(model, specification, evaluation),
            _performance(evaluation),
            _population(evaluation["whole_population"]),
            _calibration(model, evaluation),
            _certificate(certificate),
            *explanation_sections(overall, model.policy.score.factor),
            _tiers(model, tier_shares),
            *_slices(evaluation),
            _limits(model, evaluation),
            _hashes(model),
        ],
    )


def _purpose(model: RiskModel, specification: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Section:
    target = specification["target"]
    members = specification["cohort"]["any_positive"]
    base = (
        f"an increment over the model {model.base.name!r}: its trees start from "
        f"{number(model.entry.slope)} times the margin of that one"
        if model.base
        else "a model of its own"
    )
    return Section(
        "What it predicts",
        points=[
            f"Label: {target['label']['zh']} / {target['label']['en']}",
            f"Records of table {target['table']}, {_condition(target['where'])}; "
            f"positive: {_condition(target['positive'])}; negative: {_condition(target['negative'])}; "
            f"without a record: {target['absence']}; horizon {target['horizon_days']} days, "
            f"{target['take']} record decides",
            "Cohort: "
            + (
                f"enterprises in business with any of {', '.join(members)} above 0"
                if members
                else "every enterprise known to be in business at the date"
            ),
            f"It is {base}.",
            f"Use: to rank enterprises for inspection and to sort them into tiers. "
            f"Figures speak of: {evaluation['population']}.",
        ],
    )


def _condition(condition: Mapping[str, list[str]]) -> str:
    parts = [f"{column} in {', '.join(values)}" for column, values in condition.items()]
    return "; ".join(parts) if parts else "all"


def _data(model: RiskModel, specification: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Section:
    learner = specification["learner"]
    return Section(
        "Data and training",
        paragraphs=[
            f"{len(model.feature_names)} features; {learner['trees']} trees of at most {learner['leaves']} "
            f"leaves, learning rate {learner['learning_rate']}, seed {learner['seed']}."
            + ("" if evaluation["learned"] else " Too few labels: no trees of its own were grown.")
        ],
        tables=[
            Table(
                ("part", "first as-of date", "last", "dates", "rows", "positives"),
                [
                    (
                        part,
                        window["first"],
                        window["last"],
                        f"{window['as_of_dates']:,}",
                        f"{window['rows']:,}",
                        f"{window['positives']:,}",
                    )
                    for part, window in evaluation["windows"].items()
                ],
            )
        ],
    )


def _performance(evaluation: Mapping[str, Any]) -> Section:
    names = list(evaluation["metrics"])
    rows = [("this model", *(with_interval(evaluation["metrics"][name]) for name in names))]
    for name, found in evaluation["comparators"].items():
        label = name.replace("_", " ")
        rows.append((label, *(with_interval(found[m]) if m in found else "" for m in names)))
    points = []
    if "sooner" in evaluation:
        told = evaluation["sooner"]
        points = [
            f"Days sooner a problem is found, the dates of the visits kept: "
            f"{with_interval(told['days_gained'], 1)}",
            f"Problems found in the first half of the visits: {with_interval(told['found_in_first_half'])} "
            f"(as they were held: {with_interval(told['found_in_first_half_as_held'])})",
        ]
    drawn = evaluation["curves"]
    return Section(
        "Out of time",
        paragraphs=[
            f"{evaluation['rows']:,} rows, {evaluation['positives']:,} positive; "
            f"base rate {number(evaluation['base_rate'])}. Intervals: 95 %, bootstrap over enterprises."
        ],
        points=points,
        figure=figures.gain(drawn) if drawn["share"] else "",
        caption="Cumulative gain and ROC on the test rows",
        tables=[Table(("", *(name.replace("_", " ") for name in names)), rows)],
    )


def _population(found: Mapping[str, Any]) -> Section:
    title = "The whole population, inspected or not"
    if "refused" in found:
        return Section(title, paragraphs=[f"Refused: {found['refused']['en']}."])
    rows: list[tuple[str, ...]] = []
    for name, one in found["estimates"].items():
        label = name.replace("_", " ")
        if "refused" in one:
            rows.append((label, f"refused: {one['refused']['en']}", "", "", "", "", ""))
            continue
        told = one.get("weights", one)
        effective = told.get("effective_sample_size")
        rows.append(
            (
                label,
                one["speaks_of"]["en"],
                f"{told['rows']:,}" + (f" ({effective:,.0f} effective)" if effective else ""),
                *(with_interval(one["metrics"][m]) for m in NAMES),
            )
        )
    if "truth" in found:
        truth = found["truth"]
        known = ("truth of the simulation", "all enterprises", f"{truth['rows']:,}")
        rows.append((*known, *(number(truth[m]) for m in NAMES)))
    return Section(
        title,
        paragraphs=[
            f"{found['rows']:,} enterprises at risk as of {', '.join(found['as_of'])}; "
            f"{found['labelled']:,} were inspected afterwards, {found['random_draws']:,} by random draws "
            f"of known probability."
        ],
        tables=[Table(("estimate", "speaks of", "rows", *_words(NAMES)), rows, left=2)],
    )


def _words(names: Iterable[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]


def _calibration(model: RiskModel, evaluation: Mapping[str, Any]) -> Section:
    metrics = evaluation["metrics"]
    window = model.facts["specification"]["calibrate_on"] == "window"
    points = [
        f"Platt on the margin: slope {number(model.calibration.slope)}, "
        f"intercept {number(model.calibration.intercept)}, fitted on "
        + (
            "a time of its own"
            if window
            else "a time of its own and on training rows as scored by trees that were grown without their "
            "enterprise; the level counts as far back as it does not drift"
        ),
        f"Expected calibration error {with_interval(metrics['ece'])}, "
        f"Brier {with_interval(metrics['brier'])}",
    ]
    drawn = evaluation.get("random_draws_only")
    if drawn is not None:
        points.append(
            f"A probability is that of a problem if an inspection comes for no reason. "
            f"On the {drawn['rows']:,} random draws alone: expected calibration error "
            f"{with_interval(drawn['metrics']['ece'])}"
        )
    return Section(
        "Calibration",
        points=points,
        figure=figures.reliability(evaluation["reliability"]),
        caption="Observed against predicted rate of ten equally filled bins of the test rows",
    )


def _certificate(certificate: Mapping[str, Any]) -> Section:
    points = [
        f"{certificate['declared']} declared directions; {certificate['unused']} of them on features on "
        f"which no tree splits",
        f"{certificate['steps']:,} steps walked on {certificate['enterprises']} enterprises, through every "
        f"threshold of the trees; steps against a direction: {certificate['violations']}"
        + (f" (largest {certificate['largest_violation']:.2e})" if certificate["violations"] else ""),
    ]
    if "cost" in certificate:
        cost = certificate["cost"]
        points.append(
            f"Cost in ROC AUC out of time (without constraints less with them): "
            f"{with_interval(cost['cost'], 4)}; without {with_interval(cost['unconstrained'])}, "
            f"with {with_interval(cost['constrained'])}"
        )
    verdict = (
        "Every declared direction holds." if certificate["holds"] else "A declared direction is violated."
    )
    return Section(
        "Certificate of directions",
        paragraphs=[verdict],
        points=points,
        tables=[
            Table(
                ("feature", "指标", "direction", "steps", "against it", "largest effect (log-odds)"),
                [
                    (
                        f["feature"],
                        f["label"]["zh"],
                        f["direction"],
                        f"{f['steps']:,}",
                        f["violations"],
                        number(f["largest_effect"]),
                    )
                    for f in certificate["features"]
                ],
                left=3,
            )
        ],
        alert=not certificate["holds"],
    )


def _tiers(model: RiskModel, shares: Mapping[str, float]) -> Section:
    rule = model.policy.cuts
    cuts = "" if model.cuts is None else ", ".join(f"{edge:.1f}" for edge in model.cuts.edges)
    return Section(
        "Tiers",
        points=[
            f"Cuts found by {rule.method}; B, C and D begin at {cuts}",
            f"Hysteresis {model.policy.hysteresis.points:g} points; no tier below "
            f"{model.policy.insufficient_record.minimum_records} record(s)",
            f"Floors: {', '.join(floor.name for floor in model.policy.floors) or 'none'}",
        ],
        figure=figures.tiers({"newest test date": shares}),
        caption="Shares of the population at the newest test date, by score and known records",
    )


def _slices(evaluation: Mapping[str, Any]) -> list[Section]:
    sections = []
    overall = evaluation["curves"]["gain"]
    total = overall[len(overall) // 10] if overall else float("nan")
    for name, found in evaluation["slices"].items():
        groups = found["groups"]
        measures = ("base_rate", "selection_rate", "recall", "observed_less_predicted", "roc_auc")
        rows = [
            (
                group,
                f"{one['rows']:,}",
                f"{one['findings']:,}",
                *(with_interval(one["metrics"][m]) for m in measures),
            )
            for group, one in groups.items()
        ]
        sections.append(
            Section(
                f"By {found['label']['en']} ({found['label']['zh']})",
                paragraphs=[
                    f"Largest difference of {measure.replace('_', ' ')}: {with_interval(d['difference'])}."
                    for measure, d in found["disparities"].items()
                ],
                points=[warning["en"] for warning in found["warnings"]],
                figure=figures.slices(groups, total, "recall", "recall at capacity", name) if overall else "",
                caption="Recall at capacity with 95 % intervals; the line is that of all rows",
                tables=[Table(("kind", "rows", "findings", *(m.replace("_", " ") for m in measures)), rows)],
                alert=bool(found["warnings"]),
            )
        )
    return sections


def _limits(model: RiskModel, evaluation: Mapping[str, Any]) -> Section:
    found = evaluation["whole_population"]
    points = [
        f"Metrics out of time speak of {evaluation['population']}; only the estimates above that name all "
        f"enterprises speak of the others.",
        "What an inspection meets and no record shows is not in the score; a low score is no proof of "
        "compliance.",
        "Contributions say what moved the score, not what caused a violation.",
        "The tier of an enterprise with an insufficient record is the prior of its sector, not a judgement.",
    ]
    if "refused" in found:
        points.append(f"No claim about the whole population: {found['refused']['en']}.")
    else:
        points += [
            f"{name.replace('_', ' ')} refused: {one['refused']['en']}."
            for name, one in found["estimates"].items()
            if "refused" in one
        ]
    points += [
        f"Ill-served: {warning['en']}."
        for one in evaluation["slices"].values()
        for warning in one["warnings"]
    ]
    missing = [name for name in ("district", "ownership") if name not in evaluation["slices"]]
    if missing:
        points.append(f"Not looked at, for want of registration data: {', '.join(missing)}.")
    if not evaluation["learned"]:
        points.append("Too few labels to learn from: the model falls back to what it starts from.")
    return Section("Limits", points=points)


def _hashes(model: RiskModel) -> Section:
    versions = ", ".join(f"{name} {v}" for name, v in model.facts["versions"].items())
    return Section(
        "What it was made from",
        paragraphs=[versions],
        tables=[Table(("what", "identifier"), list(hashes(model).items()), left=2)],
    )
