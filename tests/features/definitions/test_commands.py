"""``risk-model features`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from features.commands.features import register
from features.definitions import LIBRARY
from features.errors import InputError
from features.home import Home
from features.kernel import Context, Plan
from features.runners import compute
from features.store import RecordStore
from tests.features.records_at_random import day, pairs_of, random_records

CODES = [f"A{number:02d}" for number in range(30)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    records = random_records(np.random.default_rng(1), CODES, 60)
    sourced = {n: t.append_column("source_line", pa.array(np.arange(t.num_rows))) for n, t in records.items()}
    RecordStore(home.store).load(sourced, load_id="load", source="test")
    return home


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["features", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_table_of_everybody_and_the_context(home: Home, tmp_path: Path) -> None:
    out, context = tmp_path / "new" / "features.parquet", tmp_path / "context"
    first, second = str(day(800)), str(day(1600))
    given = ("--as-of", second, "--as-of", first, "--as-of", first, "--out", str(out))
    report = json.loads(
        run(*given, "--everybody", "--context", str(context), "--home", str(home.root), "--json")
    )
    assert report["rows"] == 60
    assert report["enterprises"] == 30
    assert report["as_of"] == [first, second]
    assert report["features"] == len(LIBRARY)
    found = pq.read_table(out)
    plan = Plan(LIBRARY)
    expected = compute(RecordStore(home.store).snapshot(), plan, pairs_of(CODES, [day(800), day(1600)]))
    assert found.schema.metadata[b"definitions"].decode() == plan.fingerprint
    for name in expected.column_names:
        np.testing.assert_array_equal(found[name].to_numpy(), expected[name].to_numpy())
    assert plan.beyond is not None
    Context.load(context).check(plan.beyond)
    assert [path.name for path in out.parent.iterdir()] == ["features.parquet"]


def test_only_those_in_business_and_one_sector(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "food.parquet"
    text = run("--as-of", str(day(2000)), "--out", str(out), "--sector", "food", "--home", str(home.root))
    found = pq.read_table(out)
    assert 0 < found.num_rows < 30
    assert found.column_names[2:] == [feature.name for feature in LIBRARY.of_sector("food")]
    assert f"{found.num_rows} rows" in text


def test_the_data_dictionary() -> None:
    text = run("--describe")
    for feature in LIBRARY:
        assert f"| `{feature.name}` | {feature.label.zh} |" in text
    document = json.loads(run("--describe", "--json", "--sector", "food"))
    assert [line["name"] for line in document["features"]] == [f.name for f in LIBRARY.of_sector("food")]
    assert all(line["basis"] and line["meaning"] for line in document["features"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x"], "--as-of: no date was given"),
        (["--as-of", "2020-01-01"], "--out: no file was given"),
        (["--as-of", "1990-01-01", "--out", "x"], "no enterprise is known to be in business at 1990-01-01"),
        (["--describe", "--sector", "drugs"], "there is no sector 'drugs'"),
        (["--as-of", "2023-01-01", "--out", "x", "--runner", "ray"], "there is no runner 'ray'"),
    ],
)
def test_errors(home: Home, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(*arguments, "--home", str(home.root))
