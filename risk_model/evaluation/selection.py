r"""What a model finds in the whole population, though only the inspected have labels.

Inspectors go where they expect something, so figures of the inspected are not those of everybody.
Four estimates stand side by side, and each says of whom it speaks:

- *naive*: the inspected as they are;
- *inverse-probability weighting* (IPW) with a propensity estimated from the same point-in-time
  features (Rosenbaum and Rubin 1983), clipped and stabilised: right if nothing but those features
  decided who was inspected;
- *random draws only*, weighted by the inclusion probability that each draw recorded (Horvitz and
  Thompson 1952): right by design;
- *doubly robust* (Robins, Rotnitzky and Zhao 1994): the model's own probabilities, corrected by the
  weighted residuals of the draws; *model-assisted* fits a logistic curve on the margin to the draws, for
  which those of all earlier times count too, each with the margin of trees that did not see it (Lehtonen
  and Veijanen 1998). It is by far the steadiest: a half-year's draws hold few findings.

A figure that no arm supports is refused with the reason, not printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from risk_model.evaluation.metrics import (
    CAPACITY,
    Metric,
    lift_at,
    precision_at,
    recall_at,
    with_intervals,
)
from risk_model.evaluation.population import Outcomes

#: Draws, and findings among them, below which nothing is said of the population.
FEWEST_DRAWS, FEWEST_FINDINGS = 100, 10
#: Effective sample size of estimated weights below which they are not trusted.
FEWEST_EFFECTIVE = 100.0
#: Largest stabilised weight; largest share of the inspected, and of everybody, whose weight may reach it.
LARGEST_WEIGHT, LARGEST_SHARE_CLIPPED = 20.0, 0.05
#: Rows that a propensity is fitted on, at most.
MOST_ROWS = 100_000

NAMES = ("precision_at_10pct", "recall_at_10pct", "lift_at_10pct", "base_rate")

INSPECTED = {"zh": "被检查过的企业", "en": "the enterprises that were inspected"}
EVERYBODY = {
    "zh": "全部在营企业（双随机抽取，抽中概率已知）",
    "en": "all enterprises at risk, by design of the draws",
}
ASSUMED = {
    "zh": "全部在营企业（假定检查对象仅由所用特征决定）",
    "en": "all enterprises at risk, if nothing but the features decided who was inspected",
}
SHAPED = {
    "zh": "全部在营企业（假定对数几率与得分呈线性）",
    "en": "all enterprises at risk, if log-odds are linear in the score",
}


@dataclass(frozen=True)
class Arm:
    """Labelled observations of a population, with weights.

    Attributes
    ----------
    row
        Row of the population, shape (d,).
    label
        0 or 1, shape (d,).
    weight
        Shape (d,).
    clipped
        Share of the weights that were clipped.
    unreachable
        Share of the population that is so rarely labelled that its weight would be clipped.
    """

    row: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    clipped: float = 0.0
    unreachable: float = 0.0

    @property
    def effective(self) -> float:
        """Kish's effective sample size, ``(sum w)^2 / sum w^2``."""
        total = float(self.weight.sum())
        return total**2 / float((self.weight**2).sum()) if total else 0.0

    def diagnostics(self) -> dict[str, float]:
        """Return rows, effective rows, largest weight over the mean weight, and share clipped."""
        mean = float(self.weight.mean()) if len(self.weight) else float("nan")
        return {
            "rows": len(self.row),
            "findings": int(self.label.sum()),
            "effective_sample_size": self.effective,
            "largest_over_mean_weight": float(self.weight.max(initial=0.0)) / mean if mean else float("nan"),
            "share_clipped": self.clipped,
            "share_unreachable": self.unreachable,
        }


def taken_at(score: np.ndarray, group: np.ndarray, share: float = CAPACITY) -> np.ndarray:
    """Return the share of each row that is within the capacity of its group, shape (n,).

    Parameters
    ----------
    score
        Shape (n,).
    group
        Rows of one date have one group, shape (n,).
    share
        Capacity.

    Notes
    -----
    1 above the cut, 0 below; the rows tied at the cut share what room is left.

    Examples
    --------
    >>> taken_at(np.array([3.0, 1.0, 2.0, 2.0]), np.zeros(4), 0.5).tolist()
    [1.0, 0.0, 0.5, 0.5]
    """
    taken = np.zeros(len(score))
    for name in np.unique(group):
        rows = np.flatnonzero(group == name)
        own = score[rows]
        k = max(1, round(share * len(own)))
        cut = np.partition(own, len(own) - k)[len(own) - k]
        tied = own == cut
        taken[rows[own > cut]] = 1.0
        taken[rows[tied]] = (k - int((own > cut).sum())) / int(tied.sum())
    return taken


def propensity(matrix: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the probability that a row is labelled, by a logistic regression on its features.

    Parameters
    ----------
    matrix
        Features; missing values allowed, shape (n, k).
    seen
        Whether each row is labelled, shape (n,).
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    known = matrix[:, np.isfinite(matrix).any(axis=0)]
    # An equal share of everybody keeps the rate of inspection as it is.
    rows = np.random.default_rng(0).permutation(len(known))[:MOST_ROWS]
    if len(np.unique(seen[rows])) < 2:
        return np.full(len(seen), float(seen.mean()))
    pipeline = make_pipeline(
        SimpleImputer(strategy="median"),
        FunctionTransformer(lambda x: np.sign(x) * np.log1p(np.abs(x))),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=500, tol=1e-3),
    )
    return np.asarray(pipeline.fit(known[rows], seen[rows]).predict_proba(known)[:, 1])


def estimated_arm(label: np.ndarray, chance: np.ndarray) -> Arm:
    """Return the labelled rows with stabilised, clipped inverse propensities.

    Parameters
    ----------
    label
        NaN where a row is not labelled, shape (n,).
    chance
        Estimated probability of being labelled, shape (n,).
    """
    row = np.flatnonzero(np.isfinite(label))
    weight = len(row) / len(label) / np.maximum(chance, 1e-12)
    heavy = weight > LARGEST_WEIGHT
    return Arm(
        row,
        label[row],
        np.minimum(weight[row], LARGEST_WEIGHT),
        float(heavy[row].mean()) if len(row) else 0.0,
        float(heavy.mean()),
    )


def known_arm(outcomes: Outcomes) -> Arm:
    """Return the random draws with the inverse of their recorded inclusion probabilities."""
    return Arm(outcomes.draw_row, outcomes.draw_label, 1.0 / outcomes.draw_probability)


def estimate(
    arm: Arm,
    taken: np.ndarray,
    enterprise: np.ndarray,
    outcome: np.ndarray | None = None,
    *,
    repetitions: int = 300,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    r"""Return precision, recall, lift at capacity and base rate of a population, with intervals.

    Parameters
    ----------
    arm
        Labelled observations and their weights.
    taken
        From :func:`taken_at`, shape (n,).
    enterprise
        Number of the enterprise of each row, from 0, shape (n,): whole enterprises are drawn.
    outcome
        Probabilities of an outcome model, for the doubly robust estimate; None for weights alone.
    repetitions, seed
        Of the bootstrap.

    Notes
    -----
    Within the capacity (:math:`g`) and outside it, the rate is

    .. math:: \hat\mu_g = \frac{\sum_i g_i m_i}{\sum_i g_i}
              + \frac{\sum_j w_j g_j (y_j - m_j)}{\sum_j w_j g_j}

    with :math:`m = 0` for weights alone; the base rate mixes both by the share of the population that
    is within the capacity, which is known. Poisson weights a whole enterprise make the bootstrap.
    """
    model = np.zeros(len(taken)) if outcome is None else outcome
    g, w, residual = taken[arm.row], arm.weight, arm.label - model[arm.row]
    members = int(enterprise.max()) + 1
    whole = np.column_stack([taken, 1 - taken, taken * model, (1 - taken) * model])
    seen = np.column_stack([w * g, w * (1 - g), w * g * residual, w * (1 - g) * residual])
    sums = np.zeros((members, 8))
    np.add.at(sums[:, :4], enterprise, whole)
    np.add.at(sums[:, 4:], enterprise[arm.row], seen)
    rng = np.random.default_rng(seed)
    totals = [sums.sum(axis=0)]
    # One draw at a time: a matrix of all of them would need gigabytes for a large province.
    totals += [rng.poisson(1.0, members) @ sums for _ in range(repetitions)]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _rates(np.array(totals))
    return _with_percentiles(found[0], found[1:])


def _rates(sums: np.ndarray) -> np.ndarray:
    inside, outside, m_in, m_out, w_in, w_out, r_in, r_out = sums.T
    share = inside / (inside + outside)
    precision = m_in / inside + r_in / w_in
    rest = m_out / outside + r_out / w_out
    return _figures(share, precision, rest)


def _figures(share: Any, precision: Any, rest: Any) -> np.ndarray:
    base = share * precision + (1 - share) * rest
    return np.column_stack([precision, share * precision / base, precision / base, base])


def _with_percentiles(value: np.ndarray, draws: np.ndarray) -> dict[str, dict[str, float]]:
    low, high = np.nanquantile(draws, [0.025, 0.975], axis=0) if len(draws) else (value, value)
    return {
        name: {"value": float(value[i]), "low": float(low[i]), "high": float(high[i])}
        for i, name in enumerate(NAMES)
    }


def logistic_curve(
    margin: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    start: np.ndarray | None = None,
    steps: int = 12,
) -> np.ndarray:
    """Return intercept and slope of a weighted logistic regression on the margin, by Newton's method.

    Parameters
    ----------
    margin, label, weight
        Shape (d,).
    start
        Intercept and slope to start from; 0 and 1 by default.
    steps
        Of Newton's method.
    """
    design = np.column_stack([np.ones(len(margin)), margin])
    coefficients = np.array([0.0, 1.0]) if start is None else start
    weight = weight / weight.mean()
    # A trace of a prior keeps a bootstrap sample without findings from running away.
    prior = np.eye(2) * 1e-3
    for _ in range(steps):
        fitted = expit(design @ coefficients)
        gradient = design.T @ (weight * (label - fitted)) - prior @ (coefficients - [0.0, 1.0])
        information = (design * (weight * fitted * (1 - fitted))[:, None]).T @ design + prior
        coefficients = coefficients + np.linalg.solve(information, gradient)
    return coefficients


def model_assisted(
    margin: np.ndarray,
    taken: np.ndarray,
    drawn_margin: np.ndarray,
    drawn_label: np.ndarray,
    drawn_weight: np.ndarray,
    drawn_enterprise: np.ndarray,
    *,
    repetitions: int = 300,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Return figures of a population by a logistic curve fitted to known draws.

    Parameters
    ----------
    margin, taken
        Margins of the population and what is within the capacity, shape (n,).
    drawn_margin, drawn_label, drawn_weight, drawn_enterprise
        Known draws, of the same or an earlier time on which no tree was grown, shape (d,).
    repetitions, seed
        Of the bootstrap over enterprises of the draws; the population is held fixed.
    """
    share = float(taken.mean())

    whole = logistic_curve(drawn_margin, drawn_label, drawn_weight)

    def figures(weight: np.ndarray) -> np.ndarray:
        # From the curve of all draws, that of a bootstrap sample is a few steps away.
        intercept, slope = logistic_curve(drawn_margin, drawn_label, weight, whole, 5)
        fitted = expit(intercept + slope * margin)
        inside = float(taken @ fitted)
        rest = (float(fitted.sum()) - inside) / float((1 - taken).sum())
        found: np.ndarray = _figures(share, inside / float(taken.sum()), rest)[0]
        return found

    _, place = np.unique(drawn_enterprise, return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = [figures(drawn_weight * _positive(rng, place)) for _ in range(repetitions)]
    return _with_percentiles(figures(drawn_weight), np.array(draws).reshape(-1, len(NAMES)))


def _positive(rng: np.random.Generator, place: np.ndarray) -> np.ndarray:
    return np.asarray(rng.poisson(1.0, int(place.max()) + 1)[place], dtype=np.float64)


def selection_report(
    population: pd.DataFrame,
    outcomes: Outcomes,
    margin: np.ndarray,
    probability: np.ndarray,
    features: np.ndarray,
    *,
    earlier: tuple[np.ndarray, pd.DataFrame] | None = None,
    truth: np.ndarray | None = None,
    repetitions: int = 300,
) -> dict[str, Any]:
    """Return what the model finds at capacity, by each estimate, and of whom each speaks.

    Parameters
    ----------
    population
        ``credit_code`` and ``as_of`` of everybody at risk.
    outcomes
        What was found of them.
    margin, probability
        Of the model, shape (n,).
    features
        What the propensity is estimated from, shape (n, k).
    earlier
        Margins and rows (``credit_code``, ``label``, ``selection``, ``inclusion_probability``) of earlier
        times, the margins by trees that saw none of it; their known draws help the model-assisted estimate.
    truth
        True probabilities of a simulation, NaN where they are not known, shape (n,).
    repetitions
        Of the bootstrap.
    """
    enterprise = np.unique(population["credit_code"].to_numpy(), return_inverse=True)[1]
    dates = population["as_of"].to_numpy()
    taken = taken_at(margin, dates)
    seen = np.isfinite(outcomes.label)
    known = known_arm(outcomes)
    supported = len(known.row) >= FEWEST_DRAWS and known.label.sum() >= FEWEST_FINDINGS
    estimates: dict[str, Any] = {"naive": _naive(outcomes.label, margin, enterprise, repetitions)}
    too_few = _refusal(
        f"{len(known.row):,} 次已知概率的随机抽查、{int(known.label.sum()):,} 次发现问题，不足以推断全体企业",
        f"{len(known.row):,} random draws of known probability with {int(known.label.sum()):,} findings "
        f"do not support a claim about all enterprises "
        f"(at least {FEWEST_DRAWS} draws and {FEWEST_FINDINGS} findings are needed)",
    )
    estimated = None
    if seen.any() and not seen.all():
        estimated = estimated_arm(outcomes.label, propensity(features, seen))
    reason = _weakness(estimated)
    if estimated is None or reason is not None:
        estimates["ipw"] = reason or too_few
        if estimated is not None:
            estimates["ipw"] = estimates["ipw"] | {"weights": estimated.diagnostics()}
    else:
        estimates["ipw"] = {
            "speaks_of": ASSUMED,
            "weights": estimated.diagnostics(),
            "metrics": estimate(estimated, taken, enterprise, repetitions=repetitions),
        }
    if supported:
        estimates["doubly_robust"] = {
            "speaks_of": EVERYBODY,
            "weights": known.diagnostics(),
            "metrics": estimate(known, taken, enterprise, probability, repetitions=repetitions),
        }
        estimates["random_draws_only"] = {
            "speaks_of": EVERYBODY,
            "weights": known.diagnostics(),
            "metrics": estimate(known, taken, enterprise, repetitions=repetitions),
        }
        drawn = _draws(population, margin, known, earlier)
        estimates["model_assisted"] = {
            "speaks_of": SHAPED,
            "rows": len(drawn[0]),
            "metrics": model_assisted(margin, taken, *drawn, repetitions=repetitions),
        }
    else:
        estimates["random_draws_only"] = too_few
        estimates["model_assisted"] = too_few
        if estimated is not None and reason is None:
            estimates["doubly_robust"] = {
                "speaks_of": ASSUMED,
                "weights": estimated.diagnostics(),
                "metrics": estimate(estimated, taken, enterprise, probability, repetitions=repetitions),
            }
        else:
            estimates["doubly_robust"] = reason or too_few
    result = {
        "as_of": sorted({str(pd.Timestamp(day).date()) for day in dates}),
        "rows": len(population),
        "enterprises": int(enterprise.max()) + 1,
        "labelled": int(seen.sum()),
        "random_draws": len(known.row),
        "capacity": CAPACITY,
        "estimates": estimates,
    }
    if truth is not None:
        result["truth"] = true_figures(truth, taken)
    return result


def true_figures(truth: np.ndarray, taken: np.ndarray) -> dict[str, float]:
    """Return the figures by the true probabilities of a simulation, and of how many rows they are known."""
    known = np.isfinite(truth)
    g, p = taken[known], truth[known]
    figures = _figures(g.mean(), g @ p / g.sum(), (1 - g) @ p / (1 - g).sum())[0]
    return {"rows": int(known.sum()), **dict(zip(NAMES, figures.tolist(), strict=True))}


def _naive(label: np.ndarray, margin: np.ndarray, enterprise: np.ndarray, repetitions: int) -> dict[str, Any]:
    seen = np.isfinite(label)
    if len(np.unique(label[seen])) < 2:
        return _refusal("没有两类标签", "there are not both findings and clean inspections")
    metrics: dict[str, Metric] = {
        "precision_at_10pct": precision_at,
        "recall_at_10pct": recall_at,
        "lift_at_10pct": lift_at,
        "base_rate": lambda y, _: float(y.mean()),
    }
    return {
        "speaks_of": INSPECTED,
        "rows": int(seen.sum()),
        "metrics": with_intervals(
            label[seen], margin[seen], enterprise[seen], metrics, repetitions=repetitions
        ),
    }


def _draws(
    population: pd.DataFrame,
    margin: np.ndarray,
    known: Arm,
    earlier: tuple[np.ndarray, pd.DataFrame] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    code = population["credit_code"].to_numpy()
    parts = [(margin[known.row], known.label, known.weight, code[known.row])]
    if earlier is not None and "inclusion_probability" in earlier[1]:
        margins, rows = earlier
        chance = rows["inclusion_probability"].to_numpy(np.float64)
        own = (rows["selection"] == "random").to_numpy() & (np.nan_to_num(chance) > 0)
        parts.append(
            (
                margins[own],
                rows["label"].to_numpy(np.float64)[own],
                1 / chance[own],
                rows["credit_code"].to_numpy()[own],
            )
        )
    first, second, third, fourth = (np.concatenate(column) for column in zip(*parts, strict=True))
    return first, second, third, fourth


def _weakness(arm: Arm | None) -> dict[str, Any] | None:
    """Return why estimated weights support no claim about the population, or None."""
    if arm is None:
        return _refusal(
            "没有未被检查的企业可供比较",
            "nobody was left uninspected, or nobody was inspected: no propensity",
        )
    if arm.effective < FEWEST_EFFECTIVE:
        return _refusal(
            f"加权后有效样本量仅 {arm.effective:.0f}",
            f"the effective sample size of the weights is {arm.effective:.0f}, below {FEWEST_EFFECTIVE:.0f}",
        )
    share = max(arm.clipped, arm.unreachable)
    if share > LARGEST_SHARE_CLIPPED:
        return _refusal(
            f"{100 * share:.0f}% 的企业几乎不会被检查，无从推断",
            f"{100 * share:.0f} % of the enterprises are of kinds that are hardly ever inspected: "
            f"weights cannot speak for them",
        )
    return None


def _refusal(zh: str, en: str) -> dict[str, Any]:
    return {"refused": {"zh": zh, "en": en}}
