"""The service under load while something goes wrong: what is answered, what is refused, what is lost.

Clients ask ``risk-model serve`` with a key: look-ups, scores with explanations, and new keys, which are
writes to its database. One more client decides, one enterprise after the other, that it enters the list of
abnormal operations, which is a write to the record store, and sends each decision with the same idempotency
key until it is answered. Every request has an id of its own. Afterwards each request that was answered must
stand in the audit log, each key that was handed out must be in the database, and each decision in the record
store, once: what is not there is lost. A clean refusal is a 503 or 429 that says when to come back, or a 409
while the same decision is in hand; a request without any answer (nothing listens, or the connection ended
before) can be sent again; anything else is unclean.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pyarrow.compute as pc
from sqlalchemy import select

from benchmarks.serve import AS_OF, JSON, Effort, aim, await_ready, build, free_port, records_of
from features.home import Home
from features.store import RecordStore
from risk_model.publication import Publication
from risk_model.registry import Registry
from serving.access.audit import AuditLog
from serving.access.keys import Keys
from serving.database import open_database, upgrade
from serving.database.tables import AUDIT

FULL = Effort(enterprises=5_000, trees=100, train_dates=4, repetitions=1, seconds=12.0)
QUICK = Effort(enterprises=600, trees=10, train_dates=2, repetitions=1, seconds=1.8)
CLIENTS, WORKERS = 12, 2
#: Of so many requests of a client one makes a key.
WRITES = 7
#: Requests over one connection; workers share the new ones.
KEPT = 20
LIST, GROUND, AUTHORITY = "abnormal", "4", "某县市场监督管理局"
#: Seconds after which a client gives a request up.
PATIENCE = 60
#: What the command `risk-model` does.
START = "from risk_model.cli import main; main()"
FORM = "application/x-www-form-urlencoded"
Bodies = list[dict[str, Any]]
ANSWERED, REFUSED, UNANSWERED, UNCLEAN = "answered", "refused", "no answer", "unclean"
#: Where the packages of PostgreSQL put what its administrators use.
SERVERS = Path("/usr/lib/postgresql")


@dataclass
class Outcome:
    """What became of the requests of one run.

    Attributes
    ----------
    counts
        By what became of them.
    answered
        Ids of the requests that were answered.
    keys
        Tokens that were handed out.
    decided
        Enterprises whose decision was answered.
    took
        Seconds of each answer.
    versions
        Versions of the model in the scores.
    strange
        What was unclean.
    times
        Seconds since the beginning and what became of a request then.
    """

    counts: Counter[str] = field(default_factory=Counter)
    answered: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    times: list[tuple[float, str]] = field(default_factory=list)

    def note(self, at: float, what: str) -> None:
        """Count a request."""
        self.counts[what] += 1
        self.times.append((at, what))

    def recovered_after(self, event: float) -> float:
        """Return the seconds from an event to the last request that was not answered; 0 if all were."""
        return max([0.0, *(at - event for at, what in self.times if what != ANSWERED and at >= event)])


class Unanswered(Exception):  # noqa: N818 - it is no error that nothing listens
    """No answer came; with a text if that is unclean."""


class Connection:
    """A connection that is opened again when it has ended.

    Parameters
    ----------
    port, token
        Where the service listens, and the key that is sent.
    """

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._opened: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """End it; the next request opens another."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    async def ask(
        self, path: str, body: bytes, kind: str, request_id: str, key: str | None
    ) -> tuple[int, bytes, bytes]:
        """Return status, head and body of the answer.

        Raises
        ------
        Unanswered
            If none comes, or not all of it.
        """
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: {kind}\r\n"
            f"Authorization: Bearer {self._token}\r\nX-Request-ID: {request_id}\r\n"
            + (f"Idempotency-Key: {key}\r\n" if key is not None else "")
            + f"Content-Length: {len(body)}\r\n\r\n"
        )
        begun = False
        try:
            if self._opened is None:
                self._opened = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._opened
            writer.write(head.encode() + body)
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            begun = True
            length = re.search(rb"content-length: *(\d+)", answer.lower())
            if length is None:
                raise Unanswered("an answer of no length")
            text = await asyncio.wait_for(reader.readexactly(int(length[1])), PATIENCE)
        except TimeoutError:
            self.close()
            raise Unanswered(f"no answer within {PATIENCE} s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            if begun or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                raise Unanswered("the answer was cut off") from None
            raise Unanswered from None
        if b"connection: close" in answer.lower():
            self.close()
        return int(answer[9:12]), answer, text


class Clients:
    """Sends requests over connections that stay open, and sorts the answers.

    Parameters
    ----------
    port
        Where the service listens.
    token
        A key of an administrator.
    bodies
        Bodies of scores; each has the code of its enterprise.
    unlisted
        Enterprises that can enter the list; those that are taken are gone from it.
    """

    def __init__(self, port: int, token: str, bodies: Bodies, unlisted: list[str]) -> None:
        self._port = port
        self._token = token
        self._bodies = bodies
        self._unlisted = unlisted
        self.outcome = Outcome()
        self._stopping = False
        self._began = time.monotonic()

    async def run(self, seconds: float, event: Callable[[], Any], after: float) -> float:
        """Send for some seconds; call ``event`` in a thread in between, and return when that was."""
        self._began = time.monotonic()
        asking = [asyncio.create_task(self._one(number)) for number in range(CLIENTS)]
        asking.append(asyncio.create_task(self._decide()))
        await asyncio.sleep(after)
        at = time.monotonic() - self._began
        await asyncio.to_thread(event)
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - self._began)))
        self._stopping = True
        await asyncio.gather(*asking)
        return at

    async def _one(self, number: int) -> None:
        connection = Connection(self._port, self._token)
        await asyncio.sleep(0.02 * number)
        place = number
        while not self._stopping:
            place += 1
            path, body, kind = self._request(place)
            await self._ask(connection, path, body, kind)
            if place % KEPT == 0:
                connection.close()
        connection.close()

    async def _decide(self) -> None:
        connection = Connection(self._port, self._token)
        while not self._stopping:
            code = self._unlisted.pop()
            body = {"credit_code": code, "list": LIST, "ground": GROUND, "provider": AUTHORITY}
            key, what = secrets.token_hex(16), UNANSWERED
            while what != ANSWERED and not self._stopping:
                what = await self._ask(connection, "/v1/lists/entries", json.dumps(body).encode(), JSON, key)
            if what == ANSWERED:
                self.outcome.decided.append(code)
        connection.close()

    def _request(self, place: int) -> tuple[str, bytes, str]:
        body = self._bodies[place % len(self._bodies)]
        if place % WRITES == 0:
            form = {"name": "fault", "planner": "on"}
            return "/administrator/keys", urlencode(form).encode(), FORM
        if place % 2:
            return "/classify", json.dumps({"credit_code": body["credit_code"]}).encode(), JSON
        return "/score", json.dumps(body).encode(), JSON

    async def _ask(
        self, connection: Connection, path: str, body: bytes, kind: str, key: str | None = None
    ) -> str:
        request_id = f"fault-{secrets.token_hex(12)}"
        began = time.monotonic()
        try:
            what = self._sorted(path, *await connection.ask(path, body, kind, request_id, key))
        except Unanswered as problem:
            what = UNCLEAN if problem.args else UNANSWERED
            self.outcome.strange += [f"{path}: {text}" for text in problem.args]
        self.outcome.note(began - self._began, what)
        if what == ANSWERED:
            self.outcome.answered.append(request_id)
            if key is None:
                self.outcome.took.append(time.monotonic() - began)
        else:
            # It was told to come back later, or nobody is there.
            await asyncio.sleep(0.1 if what == REFUSED else 0.03)
        return what

    def _sorted(self, path: str, status: int, head: bytes, text: bytes) -> str:
        if status in (503, 429, 409) and b"retry-after:" in head.lower():
            return REFUSED
        if status not in (200, 201):
            self.outcome.strange.append(f"{path}: {status} {text[:200].decode('utf-8', 'replace')}")
            return UNCLEAN
        if path == "/score":
            self.outcome.versions[json.loads(text)["results"][0]["version"]] += 1
        if path == "/administrator/keys":
            self.outcome.keys += re.findall(r"rm_[\w-]{43}", text.decode())
        return ANSWERED


@dataclass
class Service:
    """A running service with keys.

    Attributes
    ----------
    process
        ``risk-model serve``.
    port
        Where it listens.
    url
        Address of its database.
    token
        A key of an administrator.
    home
        What it serves.
    """

    process: subprocess.Popen[bytes]
    port: int
    url: str
    token: str
    home: Home

    def busiest(self) -> psutil.Process:
        """Return the worker with the most connections."""
        return max(self.workers(), key=lambda worker: len(worker.net_connections("tcp")))

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes that live."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "_bentoml_impl.worker.service" in process.cmdline():
                    found.append(process)
        return found

    def await_workers(self) -> None:
        """Wait until all workers have come up."""
        await_ready(self.port, "/readyz")
        while len(self.workers()) < WORKERS:
            time.sleep(0.1)

    def lost(self, outcome: Outcome) -> tuple[dict[str, int], bool]:
        """Return what was answered and is not there, or there twice, and whether the log is sound."""
        records = RecordStore(self.home.store).snapshot().read("abnormal_list")
        entries = Counter(records.filter(pc.equal(records["provider"], AUTHORITY))["credit_code"].to_pylist())
        engine = open_database(self.url)
        with engine.execution_options(read_only=True).connect() as connection:
            noted = set(connection.execute(select(AUDIT.c.request_id)).scalars())
        keys = Keys(engine)
        told = {
            "audit_entries": sum(one not in noted for one in outcome.answered),
            "keys": sum(keys.of_token(token) is None for token in outcome.keys),
            "decisions": sum(entries[code] == 0 for code in outcome.decided),
            "decisions_made_twice": sum(count > 1 for count in entries.values()),
        }
        sound = AuditLog(engine).verify().passed
        engine.dispose()
        return told, sound


@dataclass(frozen=True)
class Asked:
    """What clients ask for.

    Attributes
    ----------
    bodies
        Bodies of scores.
    unlisted
        Enterprises that can enter the list.
    seconds
        How long they ask.
    """

    bodies: Bodies
    unlisted: list[str]
    seconds: float


def run(quick: bool) -> dict[str, Any]:
    """Measure every fault, and return the benchmark's document."""
    effort = QUICK if quick else FULL
    figures: dict[str, Any] = {"clients": CLIENTS + 1, "workers": WORKERS}
    with tempfile.TemporaryDirectory(prefix="benchmark-faults-") as scratch, ExitStack() as servers:
        root = Path(scratch)
        # The user of PostgreSQL, too, must get to its folder.
        root.chmod(0o755)
        database = servers.enter_context(cluster(root / "postgres"))
        home = build(Home(root / "home"), effort)
        asked = Asked(bodies_of(home), unlisted_of(home), effort.seconds)
        on_file = servers.enter_context(serving(home, root / "on-file"))
        on_server = (
            servers.enter_context(serving(home, root / "on-server", database.url)) if database else None
        )
        for service in filter(None, (on_file, on_server)):
            service.await_workers()
        for name, fault in FAULTS.items():
            figures[name] = fault(on_file, asked)
            print(f"{name}: {figures[name]}", flush=True)
        name = "database restarted"
        if database and on_server:
            figures[name] = measured(on_server, asked, database.restart)[1]
        else:
            figures[name] = {"not measured": "PostgreSQL is not installed"}
        print(f"{name}: {figures[name]}", flush=True)
    faults = [one for one in figures.values() if isinstance(one, dict) and "lost" in one]
    lost = sum(sum(one["lost"].values()) for one in faults)
    unclean = sum(one["requests"].get(UNCLEAN, 0) for one in faults)
    sound = sum(one["audit_log_sound"] for one in faults)
    return {
        "ratios": {},
        "figures": figures,
        "aims": {
            "lost writes": aim(lost, 0, lost == 0),
            "unclean answers": aim(unclean, 0, unclean == 0),
            "faults after which the audit log is sound": aim(sound, len(FAULTS) + 1, sound > len(FAULTS)),
        },
    }


def bodies_of(home: Home) -> Bodies:
    """Return bodies of scores of some enterprises."""
    codes = Publication.current(home).rows(columns=["credit_code"])["credit_code"].to_pylist()
    records = RecordStore(home.store).snapshot()
    return [
        {"credit_code": code, "as_of": AS_OF.isoformat(), "records": records_of(records, code)}
        for code in codes[:: max(len(codes) // 40, 1)][:40]
    ]


def unlisted_of(home: Home) -> list[str]:
    """Return enterprises that are in business and were never on the list."""
    records = RecordStore(home.store).snapshot()
    registered = records.read("enterprise", columns=["credit_code", "status"])
    gone = registered.filter(pc.not_equal(registered["status"], "1"))["credit_code"]
    listed = records.read("abnormal_list", columns=["credit_code"])["credit_code"]
    return sorted(set(registered["credit_code"].to_pylist()) - {*gone.to_pylist(), *listed.to_pylist()})


@contextmanager
def serving(home: Home, scratch: Path, url: str | None = None) -> Iterator[Service]:
    """Run ``risk-model serve`` with keys on a new database; it may not be ready yet."""
    scratch.mkdir()
    address = url or f"sqlite:///{scratch / 'serving.db'}"
    engine = open_database(address)
    upgrade(engine)
    _, token = Keys(engine).create("benchmark", ["administrator"])
    engine.dispose()
    port = free_port()
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-c", START, "serve", "--home", str(home.root),
                "--port", str(port), "--workers", str(WORKERS),
            ],
            env={
                **os.environ,
                "RISK_MODEL_SERVE_ACCESS": "keys",
                "RISK_MODEL_SERVE_DATABASE": address,
                "RISK_MODEL_SERVE_REQUESTS_PER_MINUTE": "10000000",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield Service(process, port, address, token, home)
    except TimeoutError:
        print((scratch / "log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def measured(
    service: Service, asked: Asked, event: Callable[[], Any], until: Callable[[], bool] | None = None
) -> tuple[Outcome, dict[str, Any]]:
    """Send requests while something happens, and say what became of them."""
    clients = Clients(service.port, service.token, asked.bodies, asked.unlisted)
    at = asyncio.run(clients.run(asked.seconds, event, asked.seconds / 3))
    outcome = clients.outcome
    if until is not None:
        deadline = time.monotonic() + 60
        while not until() and time.monotonic() < deadline:
            time.sleep(0.1)
    took = sorted(outcome.took) or [float("nan")]
    lost, sound = service.lost(outcome)
    return outcome, {
        "requests": dict(outcome.counts),
        "keys_and_decisions": len(outcome.keys) + len(outcome.decided),
        "lost": lost,
        "audit_log_sound": sound,
        "seconds_to_recover": round(outcome.recovered_after(at), 2),
        "p50_ms": round(1000 * statistics.median(took), 1),
        "p99_ms": round(1000 * took[int(0.99 * (len(took) - 1))], 1),
        "strange": dict(Counter(outcome.strange).most_common(5)),
    }


def worker_killed(service: Service, asked: Asked) -> dict[str, Any]:
    """Kill the worker with the most connections with SIGKILL."""
    killed: list[int] = []

    def kill() -> None:
        worker = service.busiest()
        killed.append(worker.pid)
        worker.kill()

    def back() -> bool:
        return sum(worker.pid not in killed for worker in service.workers()) == WORKERS

    _, told = measured(service, asked, kill, until=back)
    return {**told, "worker_is_back": back()}


def champion_promoted(service: Service, asked: Asked) -> dict[str, Any]:
    """Promote another version."""
    home = service.home
    registry = Registry(home)
    model, _ = registry.load("general")
    version = registry.log(model, metrics={}, documents={}, scratch=home.root / "scratch").version
    outcome, told = measured(service, asked, lambda: registry.promote("general", version))
    return {**told, "versions": dict(outcome.versions), "new_version_serves": version in outcome.versions}


def disk_full(service: Service, asked: Asked) -> dict[str, Any]:
    """Let no file of the workers grow for a while: nothing can then be written, as on a full disk."""

    def fill() -> None:
        before = [
            (worker.pid, resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)) for worker in service.workers()
        ]
        for pid, (_, hard) in before:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
        time.sleep(asked.seconds / 4)
        for pid, limits in before:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    outcome, told = measured(service, asked, fill)
    return {**told, "refused_while_full": outcome.counts[REFUSED] > 0}


def stopped(service: Service, asked: Asked) -> dict[str, Any]:
    """Send SIGTERM: what was begun is answered, nothing new is taken."""
    ended: list[float] = []

    def stop() -> None:
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=60)
        ended.append(time.monotonic() - began)

    _, told = measured(service, replace(asked, seconds=asked.seconds / 2), stop)
    return {
        **told,
        "exit_code": service.process.returncode,
        "seconds_to_stop": round(ended[0], 2),
        "seconds_to_recover": None,
    }


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL.

    Attributes
    ----------
    url
        Address of its database.
    restart
        Stops it at once, and starts it again a second later.
    """

    url: str
    restart: Callable[[], None]


def postgres_tool(name: str) -> str | None:
    """Return where a program of PostgreSQL's administrators is; None if it is not installed."""
    found = sorted(SERVERS.glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster | None]:
    """Run PostgreSQL of our own; None if it is not installed."""
    initdb, control = postgres_tool("initdb"), postgres_tool("pg_ctl")
    if initdb is None or control is None:
        yield None
        return
    # PostgreSQL does not run as root.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    folder.mkdir()
    if user:
        shutil.chown(folder, "postgres", "postgres")
    port, data, log = free_port(), folder / "data", folder / "log"

    def call(*command: str) -> None:
        subprocess.run(
            command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
        )

    def start() -> None:
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        call(control, "-D", str(data), "-l", str(log), "-o", options, "-w", "start")

    def restart() -> None:
        call(control, "-D", str(data), "-m", "immediate", "-w", "stop")
        time.sleep(1)
        start()

    call(initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync")
    start()
    try:
        yield Cluster(f"postgresql://postgres@127.0.0.1:{port}/postgres", restart)
    finally:
        call(control, "-D", str(data), "-m", "immediate", "stop")


#: Faults of one service after the other, the last one ends it.
FAULTS: dict[str, Callable[[Service, Asked], dict[str, Any]]] = {
    "worker killed": worker_killed,
    "champion promoted": champion_promoted,
    "disk full": disk_full,
    "stopped": stopped,
}
