"""Inspections of a province on disk: as often a problem as the truth says, the same whoever comes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from features.commands.simulation import register
from features.errors import InputError
from features.simulation import simulate
from features.simulation.visiting import COLUMNS, visit

MONTH = date(2024, 7, 1)


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "simulated"
    simulate(enterprises=2_500, seed=6, out=folder, start=date(2023, 1, 1), end=date(2024, 6, 30))
    return folder


def truth(province: Path) -> pd.Series:
    rows = pq.read_table(province / "truth.parquet").to_pandas()
    newest = rows[rows["as_of"] == rows["as_of"].max()]
    result: pd.Series = newest.set_index("credit_code")["p_general"]
    return result


def test_problems_are_found_as_often_as_the_truth_says(province: Path) -> None:
    chance = truth(province)
    found = visit(province, list(chance.index), domain="general", first=MONTH)
    assert list(found.columns) == list(COLUMNS)
    told = ~found["outcome"].isin(["neutral", "censored"]).to_numpy()
    problem = found["outcome"].isin(["problem", "severe"]).to_numpy()[told]
    expected = chance.to_numpy()[told]
    assert abs(problem.sum() - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum())
    assert found["date"].between("2024-07-01", "2024-07-31").all()


def test_it_does_not_matter_who_else_is_visited(province: Path) -> None:
    codes = list(truth(province).index)
    everybody = visit(province, codes, domain="general", first=MONTH).set_index("credit_code")
    some = visit(province, codes[::-7], domain="general", first=MONTH).set_index("credit_code")
    pd.testing.assert_frame_equal(everybody.loc[some.index], some)
    later = visit(province, codes, domain="general", first=date(2024, 8, 1)).set_index("credit_code")
    assert (later["outcome"] != everybody["outcome"]).any()


def test_the_gone_and_the_strangers_of_a_sector_are_censored(province: Path) -> None:
    outside = pq.read_table(province / "truth.parquet").to_pandas()
    outside = outside[outside["p_food"].isna()]["credit_code"].iloc[0]
    found = visit(province, [outside, "nobody"], domain="food", first=MONTH)
    assert found["outcome"].tolist() == ["censored", "censored"]
    assert visit(province, [], domain="food", first=MONTH).empty


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"domain": "tax"}, "domain"), ({"first": date(2026, 1, 1)}, "month")],
)
def test_what_cannot_be_told_is_named(province: Path, changes: dict[str, object], field: str) -> None:
    given: dict[str, object] = {"domain": "general", "first": MONTH, **changes}
    with pytest.raises(InputError) as error:
        visit(province, ["x"], **given)  # type: ignore[arg-type]
    assert error.value.field == field


def test_without_a_province_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no simulated province"):
        visit(tmp_path, ["x"], domain="general", first=MONTH)


def test_the_command_reads_a_plans_list_and_writes_results(province: Path, tmp_path: Path) -> None:
    codes = list(truth(province).index[:5])
    selected = tmp_path / "selected.csv"
    heading = "统一社会信用代码 credit_code"
    pd.DataFrame({heading: [f"{c}\t" for c in codes]}).to_csv(selected, index=False, encoding="utf-8-sig")
    app = typer.Typer()
    register(app)
    out = tmp_path / "results.csv"
    arguments = ["simulate-inspections", str(selected), "--domain", "general", "--month", "2024-07"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(out), "--home", str(province.parent), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["inspections"] == 5
    assert pd.read_csv(out)["credit_code"].tolist() == codes
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("code\n1\n", encoding="utf-8")
    failed = CliRunner().invoke(app, ["simulate-inspections", str(wrong), *arguments[2:], "--out", str(out)])
    assert isinstance(failed.exception, InputError)
