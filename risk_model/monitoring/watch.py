"""The classification in force beside what training saw, and earlier ones beside what followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from features.definitions import LIBRARY
from features.runners.threads import RecordReader
from risk_model.labels import read_events
from risk_model.monitoring.calibration import judge, label_delay, newest_record
from risk_model.monitoring.reference import MARGIN, Reference
from risk_model.monitoring.stability import Shift, shift
from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.specification import Target

#: Change of the share of a tier, and of the number of enterprises, from which it is pointed out.
TIER_CHANGE, VOLUME_CHANGE = 0.05, 0.20


def watch(
    publication: Publication,
    earlier: Sequence[Publication],
    references: Mapping[str, Reference],
    target_of: Callable[[str], Target],
    records: RecordReader,
) -> dict[str, Any]:
    """Monitor every model of a published classification.

    Parameters
    ----------
    publication
        The classification in force.
    earlier
        All classifications, to see whether their probabilities came true; in order.
    references
        Model → what training saw.
    target_of
        Returns the target of a model.
    records
        A snapshot of the records.

    Returns
    -------
    dict
        By model: ``features`` and ``score`` (PSI, its expectation, p-value, alarm), ``districts``,
        ``tiers``, ``volumes``, ``calibration``, ``alarms`` in words.
    """
    return {
        "classification": publication.name,
        "as_of": str(publication.as_of),
        "models": {
            name: _model(name, publication, earlier, reference, target_of(name), records)
            for name, reference in references.items()
        },
    }


def _model(
    name: str,
    publication: Publication,
    earlier: Sequence[Publication],
    reference: Reference,
    target: Target,
    records: RecordReader,
) -> dict[str, Any]:
    columns = ["credit_code", "district", "margin", "tier_by_score", "records", "version"]
    rows = publication.rows(model=name, columns=columns)
    policy = publication.document["models"][name]["policy"]
    thin = rows["records"].to_numpy() < policy["insufficient_record"]["minimum_records"]
    # As at training: by score and known records, without floors, hysteresis or persons.
    tiers = np.where(thin, INSUFFICIENT, np.asarray(rows["tier_by_score"].to_pylist(), dtype=object))
    wanted = [feature for feature in reference.bins if feature != MARGIN]
    table = publication.features_table(wanted)
    table = table.filter(pc.is_in(table["credit_code"], value_set=rows["credit_code"].combine_chunks()))
    margin = rows["margin"].to_numpy()
    found = {
        feature: shift(reference.counts[feature], reference.bins[feature].count(table[feature].to_numpy()))
        for feature in wanted
    }
    score = shift(reference.counts[MARGIN], reference.bins[MARGIN].count(margin))
    tests = len(found) + 1
    district = np.asarray(rows["district"].to_pylist(), dtype=object)
    own = {
        d: shift(counts, reference.bins[MARGIN].count(margin[district == d]))
        for d, counts in reference.districts.items()
        if (district == d).any()
    }
    result: dict[str, Any] = {
        "version": rows["version"][0].as_py() if len(rows) else None,
        "reference": {"as_of": reference.as_of, "rows": reference.rows},
        "features": {
            feature: _told(one, tests)
            | {"label": {"zh": LIBRARY[feature].label.zh, "en": LIBRARY[feature].label.en}}
            for feature, one in found.items()
        },
        "score": _told(score, tests)
        | {
            "bins": reference.bins[MARGIN].labels(),
            "reference_counts": reference.counts[MARGIN].tolist(),
            "counts": reference.bins[MARGIN].count(margin).tolist(),
        },
        "districts": {d: _told(one, len(own)) for d, one in own.items()},
        "volumes": _volumes(name, publication, earlier, reference, len(rows)),
        "tiers": _tiers(tiers, reference),
        "calibration": _calibration(name, earlier, target, records),
    }
    result["alarms"] = _alarms(result)
    return result


def _told(one: Shift, tests: int) -> dict[str, Any]:
    return {
        "psi": one.psi,
        "expected": one.expected,
        "p_value": one.p_value,
        "rows": one.rows,
        "alarm": one.alarms(tests),
    }


def _volumes(
    name: str, publication: Publication, earlier: Sequence[Publication], reference: Reference, rows: int
) -> dict[str, Any]:
    before = [p for p in earlier if p.as_of < publication.as_of and name in p.models]
    return {
        "rows": rows,
        "at_training": reference.rows,
        "previous": before[-1].document["models"][name]["rows"] if before else None,
    }


def _tiers(names: np.ndarray, reference: Reference) -> dict[str, Any]:
    now = {t: float((names == t).mean()) if len(names) else 0.0 for t in (*TIERS, INSUFFICIENT)}
    return {"now": now, "at_training": reference.tiers}


def _calibration(
    name: str, publications: Sequence[Publication], target: Target, records: RecordReader
) -> dict[str, Any]:
    newest = newest_record(records, target) if records.exists(target.table) else None
    if newest is None:
        return {"label_delay_days": None, "classifications": []}
    events = read_events(records, target)
    own = [p for p in publications if name in p.models]
    return {
        "label_delay_days": label_delay(events),
        "records_up_to": str(newest),
        "classifications": [judge(p, name, events, target, newest, max(len(own), 1)) for p in own],
    }


def _alarms(found: Mapping[str, Any]) -> list[dict[str, str]]:
    alarms = []
    volumes = found["volumes"]
    change = volumes["rows"] / max(volumes["at_training"], 1) - 1
    if abs(change) > VOLUME_CHANGE:
        alarms.append(
            {
                "zh": f"分类企业数较训练时变化 {100 * change:+.0f}%",
                "en": f"the number of enterprises changed by {100 * change:+.0f} % since training",
            }
        )
    if found["score"]["alarm"]:
        told = found["score"]
        alarms.append(
            {
                "zh": f"得分分布漂移：PSI {told['psi']:.3f}（无漂移时约 {told['expected']:.3f}）",
                "en": f"the scores have drifted: PSI {told['psi']:.3f} "
                f"({told['expected']:.3f} without drift)",
            }
        )
    for feature, told in found["features"].items():
        if told["alarm"]:
            alarms.append(
                {
                    "zh": f"{told['label']['zh']}漂移：PSI {told['psi']:.3f}",
                    "en": f"{feature} has drifted: PSI {told['psi']:.3f} ({told['expected']:.3f} without "
                    f"drift)",
                }
            )
    for district, told in found["districts"].items():
        if told["alarm"]:
            alarms.append(
                {
                    "zh": f"区划 {district} 得分漂移：PSI {told['psi']:.3f}",
                    "en": f"the scores of district {district} have drifted: PSI {told['psi']:.3f} "
                    f"({told['expected']:.3f} without drift)",
                }
            )
    for tier, share in found["tiers"]["now"].items():
        change = share - found["tiers"]["at_training"].get(tier, 0.0)
        if abs(change) > TIER_CHANGE:
            alarms.append(
                {
                    "zh": f"{tier} 级占比变化 {100 * change:+.1f} 个百分点",
                    "en": f"the share of tier {tier.replace('_', ' ')} changed by {100 * change:+.1f} points",
                }
            )
    for one in found["calibration"]["classifications"]:
        if one.get("alarm"):
            told = one.get("random_draws", one["inspected"])
            alarms.append(
                {
                    "zh": f"{one['as_of']} 的概率与结果不符：预测 {told['predicted']:.3f}，"
                    f"实际 {told['observed']:.3f}",
                    "en": f"probabilities of {one['as_of']} did not come true: predicted "
                    f"{told['predicted']:.3f}, observed {told['observed']:.3f}",
                }
            )
    return alarms
