"""What monitoring found, as one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from risk_model.cards import figures
from risk_model.cards.document import Document, Section, Table, number
from risk_model.monitoring.stability import SIZE

MOST_FEATURES = 25


def page(found: Mapping[str, Any]) -> Document:
    """Write what :func:`risk_model.monitoring.watch.watch` found.

    Parameters
    ----------
    found
        Its result.
    """
    sections: list[Section] = []
    for name, told in found["models"].items():
        sections += [
            _alarms(name, told),
            _score(name, told),
            _features(name, told),
            _districts(name, told),
            _tiers(name, told),
            _calibration(name, told),
        ]
    return Document(
        title="Monitoring 模型监测",
        subtitle=f"Classification {found['classification']}, as of {found['as_of']}.",
        sections=sections,
    )


def _alarms(name: str, told: Mapping[str, Any]) -> Section:
    volumes = told["volumes"]
    previous = "" if volumes["previous"] is None else f", {volumes['previous']:,} in the one before"
    return Section(
        f"{name}: {'alarms' if told['alarms'] else 'no alarm'}",
        paragraphs=[
            f"Version {told['version']}; {volumes['rows']:,} enterprises classified, "
            f"{volumes['at_training']:,} at training (as of {told['reference']['as_of']}){previous}.",
            f"An alarm needs both: a PSI more than {SIZE:g} above what chance alone makes, and a "
            f"chi-squared test that rejects at 5 % for all variables together.",
        ],
        points=[f"{alarm['en']} / {alarm['zh']}" for alarm in told["alarms"]],
        alert=bool(told["alarms"]),
    )


def _score(name: str, told: Mapping[str, Any]) -> Section:
    score = told["score"]
    shares = {}
    for label, counts in (("training", score["reference_counts"]), ("now", score["counts"])):
        total = max(sum(counts), 1)
        shares[label] = [count / total for count in counts[:-1]]
    return Section(
        f"{name}: score",
        points=[_line("Score (log-odds)", score)],
        figure=figures.histogram(f"score-{name}", "Score, training and now", shares, score["bins"][:-1]),
        caption="Share of enterprises in fixed bins of the training's scores (log-odds)",
    )


def _line(what: str, one: Mapping[str, Any]) -> str:
    return (
        f"{what}: PSI {number(one['psi'], 4)}, {number(one['expected'], 4)} without drift, "
        f"p = {one['p_value']:.2g}, {one['rows']:,} rows" + (": ALARM" if one["alarm"] else "")
    )


def _features(name: str, told: Mapping[str, Any]) -> Section:
    ranked = sorted(told["features"].items(), key=lambda item: -item[1]["psi"])
    shown = ranked[:MOST_FEATURES]
    return Section(
        f"{name}: features",
        figure=figures.drift(
            [feature for feature, _ in shown],
            [one["psi"] for _, one in shown],
            [one["alarm"] for _, one in shown],
            SIZE,
        )
        if shown
        else "",
        caption=f"The {len(shown)} largest stability indices; alarms in red",
        tables=[
            Table(
                ("feature", "指标", "PSI", "without drift", "p", "alarm"),
                [
                    (
                        feature,
                        one["label"]["zh"],
                        number(one["psi"], 4),
                        number(one["expected"], 4),
                        f"{one['p_value']:.2g}",
                        "yes" if one["alarm"] else "",
                    )
                    for feature, one in ranked
                ],
                left=2,
            )
        ],
    )


def _districts(name: str, told: Mapping[str, Any]) -> Section:
    return Section(
        f"{name}: districts",
        paragraphs=[] if told["districts"] else ["The register tells no district."],
        tables=[
            Table(
                ("district", "rows", "PSI of the score", "without drift", "p", "alarm"),
                [
                    (
                        district,
                        f"{one['rows']:,}",
                        number(one["psi"], 4),
                        number(one["expected"], 4),
                        f"{one['p_value']:.2g}",
                        "yes" if one["alarm"] else "",
                    )
                    for district, one in told["districts"].items()
                ],
            )
        ]
        if told["districts"]
        else [],
    )


def _tiers(name: str, told: Mapping[str, Any]) -> Section:
    tiers = told["tiers"]
    return Section(
        f"{name}: tiers",
        figure=figures.tiers({"training": tiers["at_training"], "now": tiers["now"]}),
        caption="Shares of the tiers; those of training by score alone, without floors",
    )


def _calibration(name: str, told: Mapping[str, Any]) -> Section:
    found = told["calibration"]
    if not found["classifications"]:
        return Section(f"{name}: calibration", paragraphs=["There are no records to judge by."])
    rows = []
    for one in found["classifications"]:
        if "inspected" not in one:
            why = "too few labels" if one["mature"] else f"labels are complete on {one['complete_on']}"
            rows.append((one["as_of"], why, f"{one['rows']:,}", "", "", "", "", ""))
            continue
        for arm in ("inspected", "random_draws"):
            if arm in one:
                v = one[arm]
                rows.append(
                    (
                        one["as_of"],
                        arm.replace("_", " "),
                        f"{v['rows']:,}",
                        number(v["predicted"]),
                        number(v["observed"]),
                        number(v["slope"], 2),
                        f"{v['p_value']:.2g}",
                        "yes" if v["alarm"] else "",
                    )
                )
    return Section(
        f"{name}: calibration",
        paragraphs=[
            f"95 % of the records are in {found['label_delay_days']} days after the event; records are in up "
            f"to {found['records_up_to']}. A classification is judged when its horizon and that delay are "
            f"over."
        ],
        tables=[
            Table(("as of", "labels", "rows", "predicted", "observed", "slope", "p", "alarm"), rows, left=2)
        ],
    )
