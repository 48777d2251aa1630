"""``bentoml build`` makes a bento that serves from its own contents and asks nobody outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from features.errors import InputError
from features.home import ENVIRONMENT_VARIABLE, Home
from serving.access.keys import Keys
from serving.application import application
from serving.bundle import bundle
from serving.commands import register
from serving.database import open_database, upgrade
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.test_malformed import GOOD
from tests.serving.test_server import GUARD, ROOT, free_port


def test_a_bundle_answers_as_the_home_does(
    home: Home, client: Client, tmp_path: Path, code_of: Callable[[str, str], str]
) -> None:
    made = bundle(home, tmp_path / "bundle")
    assert made.champions == {"general": "1", "food": "1", "special_equipment": "1"}
    assert next(iter(made.champions)) == "general"
    other = Client(application(Home(tmp_path / "bundle"), Settings()))
    assert other.get("/readyz").json() == client.get("/readyz").json()
    asked = {"credit_code": code_of("food", "D")}
    assert other.post("/classify", asked).json() == client.post("/classify", asked).json()
    assert other.post("/score", GOOD).json() == client.post("/score", GOOD).json()
    # Pages that would need a registry or records say so; nothing is made by asking.
    assert other.get("/models").status_code == 200
    assert other.get(f"/enterprise/{asked['credit_code']}").status_code == 200
    assert not (tmp_path / "bundle" / "mlflow.db").exists()
    with pytest.raises(InputError, match="is not empty"):
        bundle(home, tmp_path / "bundle")


def test_a_bundle_with_its_records_names_them(home: Home, tmp_path: Path, code_of: Any) -> None:
    bundle(home, tmp_path / "bundle", records=True)
    other = Client(application(Home(tmp_path / "bundle"), Settings()))
    page = other.get(f"/enterprise/{code_of('food', 'D')}").text
    assert 'id="records-inspection"' in page


def test_the_command_says_what_was_bundled(home: Home, tmp_path: Path) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    out = tmp_path / "bundle"
    done = CliRunner().invoke(app, ["bundle", "--home", str(home.root), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["folder"] == str(out)


@pytest.mark.long
def test_a_bento_serves_from_its_own_contents(
    home: Home, tmp_path: Path, code_of: Callable[[str, str], str]
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name in ("features", "risk_model", "supervision", "serving", "models", "locks"):
        shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
    (context / "bentofile.yaml").write_bytes((ROOT / "bentofile.yaml").read_bytes())
    bundle(home, context / "bundle")
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    attempts = tmp_path / "attempts"
    database = f"sqlite:///{tmp_path / 'serving.db'}"
    inherited = {k: v for k, v in os.environ.items() if k not in (ENVIRONMENT_VARIABLE, "PYTHONPATH")}
    environment = {
        **inherited,
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(guard),
        "ATTEMPTS": str(attempts),
        "RISK_MODEL_SERVE_DATABASE": database,
    }
    built = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        cwd=context,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (source,) = (tmp_path / "bentoml" / "bentos" / "risk-model").glob("*/src")
    # What the bento serves is its own copy, not this tree.
    style = source / "serving" / "pages" / "static" / "style.css"
    style.write_text("/* of the bento */", encoding="utf-8")
    engine = open_database(database)
    upgrade(engine)
    _, token = Keys(engine).create("bento", ["administrator"])
    engine.dispose()
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "bentoml", "serve", "risk-model:latest",
                "--host", "127.0.0.1", "--port", str(port),
            ],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ask(path: str, body: Any = None) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    try:
        for _ in range(240):
            assert process.poll() is None, log.read_text()
            try:
                if ask("/readyz")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.25)
        assert ask("/static/style.css") == (200, "/* of the bento */")
        for path, body in (
            ("/classify", {"credit_code": code_of("food", "D")}),
            ("/score", GOOD),
            ("/planner", None),
            (f"/enterprise/{code_of('food', 'D')}", None),
        ):
            status, text = ask(path, body)
            assert status == 200, (path, text, log.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert not attempts.exists(), attempts.read_text()
