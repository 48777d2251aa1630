"""What the benchmark of early warnings says of known cases."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import warnings


@pytest.fixture
def rows() -> pd.DataFrame:
    """200 enterprises; the first 50 are warned, riskier, earlier, and all of them have risen."""
    warned = np.arange(200) < 50
    return pd.DataFrame(
        {
            "chance": np.where(warned, 0.4, 0.1),
            "first": np.where(warned, 31.0, np.nan),
            "rose": np.where(warned, 1.0, -1.0),
            "kinds": [frozenset({"rising_risk"}) if one else frozenset() for one in warned],
        }
    )


def test_figures_of_the_warned_and_of_everybody(rows: pd.DataFrame) -> None:
    assert warnings.kinds(rows) == ["rising_risk", warnings.EVERYBODY]
    told = warnings.figures_of(rows, "rising_risk", 50)
    assert told["enterprises"] == 50
    assert told["precision"]["value"] == pytest.approx(0.4)
    assert told["lift"]["value"] == pytest.approx(0.4 / 0.175)
    assert told["lift"]["low"] < told["lift"]["value"] < told["lift"]["high"]
    late = warnings.WATCHED * 31.0
    assert told["days earlier than everybody"]["value"] == pytest.approx(0.75 * (late - 31.0))
    assert told["true risk rose, beyond everybody"]["value"] == pytest.approx(0.75)
    everybody = warnings.figures_of(rows, warnings.EVERYBODY, 50)
    assert everybody["lift"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_who_has_no_earlier_truth_is_not_compared(rows: pd.DataFrame) -> None:
    rows.loc[:24, "rose"] = np.nan
    told = warnings.figures_of(rows, "rising_risk", 20)
    assert told["true risk rose"]["value"] == 1.0
    assert told["enterprises"] == 50


def test_the_rise_is_that_of_the_log_odds_over_the_year() -> None:
    days = pd.to_datetime([warnings.BEFORE, warnings.EARLIER, warnings.DAY])
    truth = pd.DataFrame({"credit_code": "a", "as_of": days, "p_general": [0.5, 0.9, 0.8]})
    assert warnings.risen(truth)["a"] == pytest.approx(np.log(4.0))


def test_a_file_keeps_what_was_recorded_by_the_day(tmp_path: Path) -> None:
    path = tmp_path / "penalty.parquet"
    recorded = pa.array(["2025-07-01", "2025-07-02", "20/13/2025", None])
    pq.write_table(pa.table({"record_id": list("abcd"), "recorded_at": recorded}), path)
    assert pq.read_table(warnings.known_by(path, date(2025, 7, 1)))["record_id"].to_pylist() == list("acd")
