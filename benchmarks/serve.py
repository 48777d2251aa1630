"""The service under load, beside empty endpoints of BentoML, FastAPI with the same work, and MLflow.

Every server is one process on the loopback interface; the load comes from this process over connections
that stay open, each sending its next request when the answer is there. Servers take turns within each
repetition; figures are medians over repetitions. MLflow's server gets features that are ready made and
predicts with the general model's trees: less work than ours, which computes the features from records. A
second one of MLflow explains as well, from the same features. Many enterprises in one request are looked up
and scored in bulk, from Arrow; MLflow gets the ready-made features of as many in one request. Of the empty
endpoints one looks at nothing and decides the aim; another reads the body that the score reads. Ours runs
twice: asking nobody for a key, as all that it is compared with, and asking for one and noting each answer in
the audit log, as in operation.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.home import Home
from features.records import TABLES
from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from risk_model.classification import ModelVersion, classify
from risk_model.publication import Publication
from risk_model.registry import Registry
from risk_model.specification import load_specification
from risk_model.training import train
from serving.access.keys import Keys
from serving.arrow import ARROW
from serving.database import open_database, upgrade
from serving.database.engine import database_url
from serving.running import ROOT, SERVICE, environment

CONCURRENCY = (1, 16, 64)
#: Aims of the service.
OVER_EMPTY, OVER_MLFLOW, OVER_FASTAPI, BULK = 1.5, 5.0, 1.0, 20_000
AS_OF = date(2025, 6, 30)
BODIES = 60
JSON = "application/json"
OURS, LOOK_UP = "score + explanation", "look-up"
WITH_KEYS = " with keys, audited"
MLFLOW, MLFLOW_EXPLAINS = "mlflow models serve", "mlflow models serve, score + explanation"
LOOK_UPS, SCORES = "bulk, Arrow", "bulk of scores + explanations, Arrow"
MLFLOW_BULK, MLFLOW_EXPLAINS_BULK = f"bulk, {MLFLOW}", f"bulk, {MLFLOW_EXPLAINS}"
EMPTY, EMPTY_WITH_BODY = "empty endpoint of BentoML", "empty endpoint of BentoML that reads the same body"


#: Where each server tells that it is ready.
READY = {
    "ours": "/readyz",
    "keyed": "/readyz",
    "empty": "/readyz",
    "fastapi": "/readyz",
    "mlflow": "/ping",
    "mlflow-explains": "/ping",
}
#: Settings of the server that asks for keys.
KEYED = {"RISK_MODEL_SERVE_ACCESS": "keys", "RISK_MODEL_SERVE_REQUESTS_PER_MINUTE": "100000000"}


@dataclass(frozen=True)
class Effort:
    """How much is measured; of enterprises in one request ``bulk`` are looked up, ``batch`` scored."""

    enterprises: int
    trees: int
    train_dates: int
    repetitions: int
    seconds: float
    bulk: int = 0
    batch: int = 0


FULL = Effort(
    enterprises=20_000, trees=200, train_dates=12, repetitions=5, seconds=3.0, bulk=20_000, batch=1_000
)
QUICK = Effort(enterprises=800, trees=60, train_dates=2, repetitions=1, seconds=0.4, bulk=1_000, batch=100)


@dataclass
class Load:
    """Requests of one kind to one server, and what came back.

    Attributes
    ----------
    port
        Of the server.
    requests
        Complete HTTP/1.1 requests, sent in turn.
    seen
        Concurrency → (milliseconds of each answer, seconds, refusals and errors) of each repetition.
    """

    port: int
    requests: Sequence[bytes]
    seen: dict[int, list[tuple[list[float], float, int]]] = field(default_factory=dict)

    def measure(self, connections: int, seconds: float) -> None:
        """Send for some seconds over some connections."""
        self.seen.setdefault(connections, []).append(asyncio.run(self._send(connections, seconds)))

    async def _send(self, connections: int, seconds: float) -> tuple[list[float], float, int]:
        taken: list[float] = []
        errors = 0
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(_Connection, "127.0.0.1", self.port))[1] for _ in range(connections)
        ]
        began = time.perf_counter()

        async def one(first: int) -> None:
            nonlocal errors
            number = first
            while time.perf_counter() - began < seconds or number == first:
                sent = time.perf_counter()
                status = await opened[first].ask(self.requests[number % len(self.requests)])
                taken.append(1000 * (time.perf_counter() - sent))
                errors += status != 200
                number += connections
            opened[first].close()

        await asyncio.gather(*(one(first) for first in range(connections)))
        return taken, time.perf_counter() - began, errors

    def figures(self) -> dict[str, dict[str, float]]:
        """Return medians over repetitions: p50 and p99 in milliseconds, answers a second; errors in all."""
        return {
            str(connections): {
                "p50_ms": round(self.quantile(connections, 0.5), 3),
                "p99_ms": round(self.quantile(connections, 0.99), 3),
                "per_second": round(self.per_second(connections), 1),
                "errors": sum(errors for _, _, errors in found),
            }
            for connections, found in self.seen.items()
        }

    def per_second(self, connections: int) -> float:
        """Return the median over repetitions of the answers a second."""
        return statistics.median(len(ms) / wall for ms, wall, _ in self.seen[connections])

    def quantile(self, connections: int, q: float) -> float:
        """Return the median over repetitions of a quantile of the milliseconds."""
        return statistics.median(float(np.quantile(ms, q)) for ms, _, _ in self.seen[connections])


class _Connection(asyncio.Protocol):
    """A connection that stays open, one request at a time; it takes little of the cores itself."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._got = bytearray()
        self._size: int | None = None
        self._status: asyncio.Future[int] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request and return the status of its answer, once all of that is there.

        Raises
        ------
        ConnectionError
            If the server closes the connection before.
        """
        assert self._transport is not None
        self._got.clear()
        self._size = None
        self._status = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._status

    def close(self) -> None:
        """Close it."""
        assert self._transport is not None
        self._status = None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Gather an answer."""
        self._got += data
        if self._size is None:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            _, _, rest = bytes(self._got[:end]).lower().partition(b"content-length:")
            # Without a length the answer comes in chunks, the last one empty.
            self._size = end + 4 + int(rest.partition(b"\r\n")[0]) if rest else 0
        whole = len(self._got) >= self._size if self._size else self._got.endswith(b"\r\n0\r\n\r\n")
        if whole and self._status is not None and not self._status.done():
            self._status.set_result(int(self._got[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._status is not None and not self._status.done():
            self._status.set_exception(exc or ConnectionResetError("the server closed the connection"))


def run(quick: bool) -> dict[str, Any]:
    """Measure, and return the benchmark's document."""
    effort = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="benchmark-serve-") as scratch, ExitStack() as servers:
        home = build(Home(Path(scratch) / "home"), effort)
        ports = {name: free_port() for name in READY}
        for name, command in commands(home, ports, Path(scratch)).items():
            more = KEYED if name == "keyed" else {}
            servers.enter_context(running(command, home, Path(scratch) / name, more))
        for name, path in READY.items():
            await_ready(ports[name], path)
        loads = make_loads(home, ports, effort)
        for load in loads.values():
            load.measure(4, 0.3)
            load.seen.clear()
        for _ in range(effort.repetitions):
            for connections in CONCURRENCY:
                for load in loads.values():
                    load.measure(connections, effort.seconds)
    for name, load in loads.items():
        print(f"{name}: {load.figures()}", flush=True)
    return document(loads, quick, effort)


def document(loads: dict[str, Load], quick: bool, effort: Effort) -> dict[str, Any]:
    """Return the benchmark's document; of several concurrencies the worst one decides an aim."""

    def worst(ours: str, peer: str) -> float:
        return max(loads[ours].quantile(c, 0.5) / loads[peer].quantile(c, 0.5) for c in CONCURRENCY)

    over_empty = worst(OURS, EMPTY)
    over_fastapi = max(worst(OURS, "FastAPI, score + explanation"), worst(LOOK_UP, "FastAPI, look-up"))
    faster = 1 / worst(OURS, MLFLOW)
    in_bulk = {
        name: (effort.bulk if name == LOOK_UPS else effort.batch)
        * max(loads[name].per_second(connections) for connections in CONCURRENCY)
        for name in (LOOK_UPS, SCORES, MLFLOW_BULK, MLFLOW_EXPLAINS_BULK)
    }
    bulk = in_bulk[LOOK_UPS]
    errors = sum(failed for load in loads.values() for found in load.seen.values() for _, _, failed in found)
    return {
        "benchmark": "serve",
        "quick": quick,
        "ratios": {
            EMPTY: over_empty,
            EMPTY_WITH_BODY: worst(OURS, EMPTY_WITH_BODY),
            "FastAPI with the same work": over_fastapi,
            MLFLOW: 1 / faster,
            MLFLOW_EXPLAINS: worst(OURS, MLFLOW_EXPLAINS),
            MLFLOW_BULK: in_bulk[MLFLOW_BULK] / in_bulk[SCORES],
            MLFLOW_EXPLAINS_BULK: in_bulk[MLFLOW_EXPLAINS_BULK] / in_bulk[SCORES],
        },
        "figures": {
            "cores": len(os.sched_getaffinity(0)),
            "enterprises": effort.enterprises,
            "enterprises a second": {name: round(rate) for name, rate in in_bulk.items()},
            **{name: load.figures() for name, load in loads.items()},
        },
        "aims": {
            "p50 of score + explanation over the empty endpoint's": aim(
                over_empty, OVER_EMPTY, over_empty <= OVER_EMPTY
            ),
            "times faster than mlflow models serve": aim(faster, OVER_MLFLOW, faster >= OVER_MLFLOW),
            "p50 over FastAPI with the same work": aim(
                over_fastapi, OVER_FASTAPI, over_fastapi <= OVER_FASTAPI
            ),
            "bulk by Arrow, enterprises a second": aim(bulk, BULK, bulk >= BULK),
            "errors": aim(errors, 0, errors == 0),
        },
    }


def aim(value: float, wanted: float, met: bool) -> dict[str, Any]:
    """Return one aim."""
    return {"value": round(value, 3), "aim": wanted, "met": bool(met)}


def build(home: Home, effort: Effort) -> Home:
    """Simulate, ingest, train, classify."""
    simulate(enterprises=effort.enterprises, seed=5, out=home.simulated)
    store = RecordStore(home.store)
    ingest(store, "simulated", sorted((home.simulated / "records").glob("*.parquet")))
    records, registry = store.snapshot(), Registry(home)
    full = load_specification("general")
    specification = full.model_copy(
        update={
            "learner": full.learner.model_copy(update={"trees": effort.trees}),
            "windows": full.windows.model_copy(
                update={"train_dates": effort.train_dates, "calibration_dates": 1, "test_dates": 1}
            ),
            "minimum_labels": 30,
        }
    )
    model = train(records, specification).model
    version = registry.log(model, metrics={}, documents={}, scratch=home.root / "scratch")
    classify(records, {"general": ModelVersion(model, version.version)}, AS_OF, home.published)
    return home


def commands(home: Home, ports: dict[str, int], scratch: Path) -> dict[str, list[str]]:
    """Return the command of each server."""
    import mlflow.lightgbm
    import mlflow.pyfunc

    model, _ = Registry(home).load("general")
    assert model.booster is not None
    mlflow.lightgbm.save_model(model.booster, str(scratch / "mlflow-model"), pip_requirements=["lightgbm"])
    booster = scratch / "booster.txt"
    model.booster.save_model(booster)
    mlflow.pyfunc.save_model(
        str(scratch / "explaining-model"),
        # As code, so that nothing is pickled.
        python_model=str(ROOT / "benchmarks" / "serve_peers" / "explaining.py"),
        artifacts={"booster": str(booster)},
        pip_requirements=["lightgbm"],
    )
    python = [sys.executable, "-m"]
    bentoml = [*python, "bentoml", "serve", "--working-dir", str(ROOT), "--host", "127.0.0.1", "--port"]
    return {
        "ours": [*bentoml, str(ports["ours"]), SERVICE],
        "keyed": [*bentoml, str(ports["keyed"]), SERVICE],
        "empty": [*bentoml, str(ports["empty"]), "benchmarks.serve_peers.empty:Empty"],
        "fastapi": [
            *python,
            "uvicorn",
            "benchmarks.serve_peers.same_work:app",
            "--port",
            str(ports["fastapi"]),
            "--no-access-log",
        ],
        "mlflow": mlflow_serving(scratch / "mlflow-model", ports["mlflow"]),
        "mlflow-explains": mlflow_serving(scratch / "explaining-model", ports["mlflow-explains"]),
    }


def mlflow_serving(model: Path, port: int) -> list[str]:
    """Return the command of a server of MLflow with one worker."""
    return [
        sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model),
        "--env-manager", "local", "-p", str(port), "-w", "1",
    ]  # fmt: skip


@contextmanager
def running(command: list[str], home: Home, log: Path, more: Mapping[str, str]) -> Iterator[None]:
    """Run a server, with more in its environment; stop it at the end with all that it started."""
    import psutil

    scratch = log.with_suffix(".bentoml")
    scratch.mkdir()
    with log.open("wb") as output:
        # MLflow looks for uvicorn there, whether or not the environment is activated.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment(home, 1, scratch), "PATH": path, **more},
            cwd=ROOT,
        )
        try:
            yield
        except TimeoutError:
            print(log.read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            family = [process, *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            for member in family[1:]:
                if member.is_running():
                    member.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def await_ready(port: int, path: str) -> None:
    """Wait until a server answers.

    Raises
    ------
    TimeoutError
        After two minutes.
    """
    for _ in range(480):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.25)
    msg = f"nothing answers at port {port}"
    raise TimeoutError(msg)


def make_loads(home: Home, ports: dict[str, int], effort: Effort) -> dict[str, Load]:
    """Return what is sent to each server."""
    publication = Publication.current(home)
    codes: list[str] = publication.rows(columns=["credit_code"])["credit_code"].to_pylist()
    some = codes[:: max(len(codes) // BODIES, 1)][:BODIES]
    lookups = [{"credit_code": code} for code in some]
    records = RecordStore(home.store).snapshot()
    scores = [
        {"credit_code": code, "as_of": AS_OF.isoformat(), "records": records_of(records, code)}
        for code in some
    ]
    features = [ready_made(publication, [code]) for code in some]
    batch = sorted(codes[:: max(len(codes) // effort.batch, 1)][: effort.batch])
    many = [codes[i % len(codes)] for i in range(effort.bulk)]
    bulk = request("/v1/enterprises/bulk", stream(pa.table({"credit_code": many})), ARROW, accept=ARROW)
    in_columns = request(
        "/v1/score/batch?explain=true", stream(records_in_columns(records, batch)), ARROW, accept=ARROW
    )

    database = open_database(database_url(home, None))
    upgrade(database)
    _, key = Keys(database).create("benchmark", ["supervisor"])
    database.dispose()

    def asked(path: str, bodies: Sequence[Any], **more: str) -> list[bytes]:
        return [request(path, json.dumps(body).encode(), JSON, **more) for body in bodies]

    many_features = asked("/invocations", [ready_made(publication, batch)])
    short = [{**body, "explain": False} for body in scores]
    return {
        LOOK_UP: Load(ports["ours"], asked("/classify", lookups)),
        "score": Load(ports["ours"], asked("/score", short)),
        OURS: Load(ports["ours"], asked("/score", scores)),
        LOOK_UP + WITH_KEYS: Load(ports["keyed"], asked("/classify", lookups, key=key)),
        OURS + WITH_KEYS: Load(ports["keyed"], asked("/score", scores, key=key)),
        EMPTY: Load(ports["empty"], asked("/empty", [{}])),
        EMPTY_WITH_BODY: Load(ports["empty"], asked("/body", scores)),
        "FastAPI, look-up": Load(ports["fastapi"], asked("/classify", lookups)),
        "FastAPI, score + explanation": Load(ports["fastapi"], asked("/score", scores)),
        MLFLOW: Load(ports["mlflow"], asked("/invocations", features)),
        MLFLOW_EXPLAINS: Load(ports["mlflow-explains"], asked("/invocations", features)),
        LOOK_UPS: Load(ports["ours"], [bulk]),
        SCORES: Load(ports["ours"], [in_columns]),
        MLFLOW_BULK: Load(ports["mlflow"], many_features),
        MLFLOW_EXPLAINS_BULK: Load(ports["mlflow-explains"], many_features),
    }


def ready_made(publication: Publication, codes: Sequence[str]) -> dict[str, Any]:
    """Return the features of enterprises as MLflow takes them."""
    found = [publication.contributions(code, "general") for code in codes]
    data = [np.nan_to_num(one.values).tolist() for one in found]
    return {"dataframe_split": {"columns": list(found[0].names), "data": data}}


def in_force(records: Any, name: str, codes: tuple[str, str]) -> pa.Table:
    """Return the records of a range of enterprises that are in force, in the canonical schema."""
    day = pa.scalar(AS_OF, pa.date32())
    table = records.read(name, codes=codes)
    kept = pc.and_(pc.less_equal(table["visible_from"], day), pc.greater(table["visible_to"], day))
    return table.filter(kept).select(TABLES[name].arrow_schema.names)


def records_of(records: Any, code: str) -> dict[str, list[dict[str, Any]]]:
    """Return the records of an enterprise that are in force, as a caller would send them."""
    found = {}
    for name in records.tables:
        rows = in_force(records, name, (code, code)).to_pylist()
        if rows:
            found[name] = json.loads(json.dumps(rows, default=date.isoformat))
    return found


def records_in_columns(records: Any, codes: Sequence[str]) -> pa.Table:
    """Return the records of enterprises that are in force, a row an enterprise, a column a record table."""
    wanted = pa.array(codes, pa.string())
    columns = {"credit_code": wanted, "as_of": pa.array([AS_OF] * len(codes), pa.date32())}
    for name in records.tables:
        table = in_force(records, name, (codes[0], codes[-1])).sort_by("credit_code")
        place = pc.index_in(table["credit_code"], value_set=wanted).combine_chunks()
        table = table.filter(place.is_valid()).combine_chunks()
        counts = np.bincount(place.drop_null().to_numpy(), minlength=len(codes))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        rows = table.to_struct_array().combine_chunks()
        columns[name] = pa.ListArray.from_arrays(offsets, rows)
    return pa.table(columns)


def stream(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def request(path: str, body: bytes, media_type: str, accept: str = JSON, key: str | None = None) -> bytes:
    """Return a complete HTTP/1.1 request."""
    authorization = "" if key is None else f"Authorization: Bearer {key}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}\r\nAccept: {accept}\r\n"
        f"{authorization}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
