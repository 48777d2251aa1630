"""The real thing: ``risk-model serve`` as a process, asked over the network, stopped by a signal."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from serving.commands import register
from serving.tls import certificate
from tests.serving.test_malformed import GOOD

ROOT = Path(__file__).resolve().parents[2]
START = """
import typer
from serving.commands import register
app = typer.Typer()
app.callback()(lambda: None)
register(app)
app()
"""
#: Put where Python reads it first: refuses every connection that leaves the host, and writes it down.
GUARD = """
import os, socket
_connect = socket.socket.connect
def connect(self, address):
    outside = isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost", "0.0.0.0")
    if outside:
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{address}\\n")
        raise OSError("no connection leaves this host")
    return _connect(self, address)
socket.socket.connect = connect
_lookup = socket.getaddrinfo
def getaddrinfo(host, *arguments, **options):
    if host not in (None, "", "127.0.0.1", "::1", "localhost", "0.0.0.0", b"127.0.0.1"):
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{host}\\n")
        raise socket.gaierror("no name is looked up")
    return _lookup(host, *arguments, **options)
socket.getaddrinfo = getaddrinfo
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running server.

    Parameters
    ----------
    home
        What it serves.
    scratch
        Where its output goes.
    workers
        Worker processes.
    tls
        Certificate and key, for HTTPS.
    """

    def __init__(
        self, home: Home, scratch: Path, workers: int = 1, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{(port := free_port())}"
        self._trust = ssl.create_default_context(cafile=str(tls[0])) if tls else None
        (scratch / "sitecustomize.py").write_text(GUARD)
        self.attempts = scratch / "attempts"
        self.log = scratch / "log"
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(scratch), str(ROOT)]),
            "ATTEMPTS": str(self.attempts),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    START,
                    "serve",
                    "--home",
                    str(home.root),
                    "--port",
                    str(port),
                    "--workers",
                    str(workers),
                    *(["--tls-certificate", str(tls[0]), "--tls-key", str(tls[1])] if tls else []),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=scratch,
            )

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        media_type: str = "application/json",
        host: str | None = None,
    ) -> tuple[int, Any, str]:
        """Return status, headers and text of an answer."""
        request = urllib.request.Request(self.url + path, data=body)
        if body is not None:
            request.add_header("Content-Type", media_type)
        if host is not None:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=20, context=self._trust) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def wait(self) -> None:
        """Wait until it is ready."""
        for _ in range(240):
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.25)
        raise AssertionError(self.log.read_text())

    def stop(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def close(self) -> None:
        """Stop it if it runs; killed, it would leave its workers behind."""
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)


def workers_of(server: Server) -> list[psutil.Process]:
    """Return the worker processes that live."""
    found = []
    for process in psutil.Process(server.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "_bentoml_impl.worker.service" in process.cmdline():
                found.append(process)
    return found


@pytest.fixture(scope="module")
def server(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(home, tmp_path_factory.mktemp("server"))
    try:
        started.wait()
        yield started
    finally:
        started.close()


def test_every_endpoint_over_the_network(server: Server, code_of: Callable[[str, str], str]) -> None:
    assert f"at {server.url} " in server.log.read_text()
    code = code_of("food", "D")
    for path in (
        "/",
        "/planner",
        "/supervisor",
        f"/enterprise/{code}",
        "/docs",
        "/static/style.css",
        "/openapi.json",
    ):
        assert server.ask(path)[0] == 200, path
    for path, body in (
        ("/classify", {"credit_code": code}),
        ("/explain", {"credit_code": code}),
        ("/score", GOOD),
    ):
        status, headers, text = server.ask(path, json.dumps(body).encode())
        assert status == 200, text
        assert headers["Content-Type"] == "application/json"
    assert server.ask("/healthz")[0] == 200


def test_what_bentoml_gets_wrong_is_mended(server: Server) -> None:
    status, headers, text = server.ask("/score", json.dumps(GOOD).replace("80.5", "NaN").encode())
    assert (status, headers["Content-Type"]) == (422, "application/problem+json")
    assert json.loads(text)["errors"][0]["field"] == "records.inspection[0].points"
    status, headers, text = server.ask("/")
    assert "googletagmanager" not in text
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    for path in ("/docs.json", "/schema.json", "/static_content/index.css"):
        assert server.ask(path)[0] == 404


def test_a_page_whose_name_leads_here_is_not_answered(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    for own in (f"localhost:{port}", f"127.0.0.1:{port}"):
        assert server.ask("/healthz", host=own)[0] == 200
    status, _, text = server.ask("/healthz", host=f"rebound.example:{port}")
    (error,) = json.loads(text)["errors"]
    assert (status, error["field"]) == (421, "Host")
    assert "127.0.0.1" in error["fix"]


def test_metrics_for_prometheus(server: Server, code_of: Callable[[str, str], str]) -> None:
    code = code_of("general", "A")
    assert server.ask(f"/v1/enterprises/{code}")[0] == 200
    status, headers, text = server.ask("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    # By route: an address would make a series of every enterprise and name individual businesses.
    assert code not in text
    route = 'method="GET",route="/v1/enterprises/{credit_code}"'
    assert f'risk_model_requests_total{{{route},status="200"}}' in text
    assert f'risk_model_request_duration_seconds_bucket{{le="0.005",{route}}}' in text
    assert "bentoml" not in text


def test_nothing_leaves_the_host_and_it_stops_in_order(server: Server) -> None:
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert family
    assert server.stop(signal.SIGTERM) == 0, server.log.read_text()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    assert not server.attempts.exists(), server.attempts.read_text()
    assert "Traceback" not in server.log.read_text()


def test_a_killed_worker_comes_back_and_a_stop_drops_no_answer(
    home: Home, tmp_path: Path, code_of: Callable[[str, str], str]
) -> None:
    server = Server(home, tmp_path, workers=2)
    try:
        server.wait()
        workers = workers_of(server)
        assert len(workers) == 2
        workers[0].kill()
        body = json.dumps({"credit_code": code_of("food", "D")}).encode()
        whole, refused = 0, 0
        stopping = threading.Event()

        def asking() -> None:
            nonlocal whole, refused
            while not stopping.is_set():
                try:
                    status, _, text = server.ask("/explain", body)
                    assert status == 200
                    json.loads(text)
                    whole += 1
                except (ConnectionError, urllib.error.URLError, TimeoutError):
                    refused += 1
                    time.sleep(0.05)

        callers = [threading.Thread(target=asking) for _ in range(4)]
        for caller in callers:
            caller.start()

        for _ in range(120):
            if len(workers_of(server)) == 2:
                break
            time.sleep(0.25)
        assert len(workers_of(server)) == 2
        # What is asked first is worked out at length where nothing was compiled before.
        for _ in range(240):
            if whole > 20:
                break
            time.sleep(0.25)
        assert whole > 20
        before = whole
        code = server.stop(signal.SIGINT)
        stopping.set()
        for caller in callers:
            caller.join()
        assert code == 0
        assert whole >= before
        assert "Traceback" not in server.log.read_text()
    finally:
        server.close()


def test_an_address_that_cannot_be_used_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for options in (["--port", str(taken.getsockname()[1])], ["--host", "nowhere"]):
            result = CliRunner().invoke(app, ["serve", "--home", str(home.root), *options])
            assert type(result.exception).__name__ == "InputError"
            assert options[0] in str(result.exception)
    monkeypatch.setenv("RISK_MODEL_SERVE_PAGE_SIZE", "none")
    result = CliRunner().invoke(app, ["serve", "--home", str(home.root)])
    assert "page_size" in str(result.exception)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate for this host and its key."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


def test_https(home: Home, certified: tuple[Path, Path], tmp_path: Path) -> None:
    server = Server(home, tmp_path, tls=certified)
    try:
        server.wait()
        assert server.ask("/readyz")[0] == 200
        assert f"at {server.url} " in server.log.read_text()
        with pytest.raises(OSError, match=r"Remote end closed|reset by peer|empty"):
            urllib.request.urlopen(server.url.replace("https", "http"), timeout=5)
    finally:
        server.close()


def test_a_certificate_that_cannot_be_used(certified: tuple[Path, Path], tmp_path: Path) -> None:
    chain, key = certified
    assert certificate(None, None) is None
    found = certificate(chain, key)
    assert found is not None
    assert found.chain == chain
    with pytest.raises(InputError, match="go together"):
        certificate(chain, None)
    with pytest.raises(InputError, match="there is no file"):
        certificate(chain, tmp_path / "nothing.pem")
    with pytest.raises(InputError, match="cannot be used"):
        certificate(key, chain)
