"""Which labels calibrate: those of enterprises that were not looked at for a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd

from risk_model.calibration import fit_platt
from risk_model.training import FEWEST_DRAWS, FEWEST_FOUND, calibration_rows


def labelled(drawn: int, found: int, targeted: int = 400) -> pd.DataFrame:
    label = np.r_[np.arange(drawn) < found, np.ones(targeted, dtype=bool)].astype(np.int8)
    selection = ["random", "full_coverage"] * (drawn // 2) + ["random"] * (drawn % 2)
    return pd.DataFrame({"label": label, "selection": selection + ["targeted"] * targeted})


def test_unprompted_rows_alone_where_there_are_enough() -> None:
    rows = calibration_rows(labelled(FEWEST_DRAWS, FEWEST_FOUND))
    assert set(rows["selection"]) == {"random", "full_coverage"}
    assert len(rows) == FEWEST_DRAWS


def test_all_rows_where_draws_or_findings_are_too_few() -> None:
    for few in (labelled(FEWEST_DRAWS - 1, 50), labelled(FEWEST_DRAWS, FEWEST_FOUND - 1)):
        assert calibration_rows(few) is few
    assert len(calibration_rows(labelled(FEWEST_DRAWS, FEWEST_DRAWS))) == FEWEST_DRAWS + 400


def test_all_rows_where_nothing_is_known_of_the_selection() -> None:
    rows = labelled(500, 50).drop(columns="selection")
    assert calibration_rows(rows) is rows


def test_the_rate_of_the_draws_is_recovered_where_targeting_knows_more() -> None:
    """Officers who target know something that no record shows: their findings say too much."""
    rng = np.random.default_rng(0)
    margin, hidden = rng.normal(-2.5, 0.7, 40_000), rng.normal(0, 0.8, 40_000)
    chance = 1 / (1 + np.exp(-(margin + hidden)))
    targeted = rng.random(40_000) < np.where(hidden > 0.5, 0.3, 0.02)
    rows = pd.DataFrame(
        {
            "label": (rng.random(40_000) < chance).astype(np.int8),
            "selection": np.where(targeted, "targeted", "random"),
            "margin": margin,
        }
    )
    seen = rows[targeted | (rng.random(40_000) < 0.1)]
    errors = []
    for chosen in (calibration_rows(seen), seen):
        platt = fit_platt(chosen["margin"].to_numpy(), chosen["label"].to_numpy())
        errors.append(abs(float(np.mean(1 / (1 + np.exp(-platt.margin(margin)))) - chance.mean())))
    assert errors[0] < 0.01
    assert errors[1] > 3 * errors[0]
