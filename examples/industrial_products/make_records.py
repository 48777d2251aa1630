"""Write a CSV of half-yearly product-quality checks of the manufacturers of a simulated province.

    python examples/industrial_products/make_records.py SIMULATED FILE

SIMULATED is what ``risk-model simulate`` wrote (``<home>/simulated``). An office has such records
(产品质量监督抽查), the simulated province has none. Whether a check fails follows the maker's general risk
and something that only these checks show: how well a maker controls its products.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

#: Share of the makers that a half-year's draw takes.
DRAWN = 0.6
SEED = 2026
FOOD_AND_TOBACCO = ("C13", "C14", "C15", "C16")


def makers(records: Path) -> pd.DataFrame:
    """Return the makers of industrial products: code, first and last day in business."""
    rows = pq.read_table(records / "enterprise.parquet").to_pandas().sort_values("recorded_at", kind="stable")
    last = rows.drop_duplicates("credit_code", keep="last").set_index("credit_code")
    made = last["industry"].fillna("").str.startswith("C") & ~last["industry"].str[:3].isin(FOOD_AND_TOBACCO)
    chosen = last[made]
    ended = chosen["event_date"].where(chosen["status"] != "1", "9999-12-31")
    return pd.DataFrame({"since": chosen["established_on"], "until": ended}).dropna()


def checks(simulated: Path) -> pd.DataFrame:
    """Return the checks of ten years under the headings of an export."""
    rng = np.random.default_rng(SEED)
    who = makers(simulated / "records")
    truth = pq.read_table(simulated / "truth.parquet", columns=["credit_code", "p_general"]).to_pandas()
    risk = truth.groupby("credit_code")["p_general"].mean().reindex(who.index)
    log_odds = np.log(risk / (1 - risk)).fillna(0)
    control = rng.normal(size=len(who))
    chance = 1 / (1 + np.exp(1.4 - 0.6 * (log_odds - log_odds.mean()) - 1.1 * control))
    parts = []
    for year, month in product(range(2016, 2026), (1, 7)):
        day = pd.Timestamp(year, month, 5) + pd.to_timedelta(rng.integers(0, 170, size=len(who)), unit="D")
        text = day.strftime("%Y-%m-%d")
        drawn = (rng.random(len(who)) < DRAWN) & (who["since"] < text) & (text < who["until"])
        failed, grave = rng.random(len(who)) < chance, rng.random(len(who)) < 0.15
        part = pd.DataFrame(
            {
                "抽查编号": [f"CC{year}{month:02d}-{place:06d}" for place in range(len(who))],
                "社会信用代码": who.index,
                "抽查日期": text,
                "抽中概率": DRAWN,
                "抽查结论": np.where(failed, np.where(grave, "严重不合格", "不合格"), "合格"),
                "公示日期": (day + pd.to_timedelta(20, unit="D")).strftime("%Y-%m-%d"),
            }
        )
        parts.append(part[drawn.to_numpy()])
    found = pd.concat(parts, ignore_index=True)
    return found[found["公示日期"] <= "2025-12-31"]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/industrial_products/make_records.py SIMULATED FILE")
    made = checks(Path(sys.argv[1]))
    made.to_csv(sys.argv[2], index=False)
    sys.stdout.write(f"{sys.argv[2]}: {len(made):,} rows\n")
