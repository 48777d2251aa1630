"""Starting the server as a process of its own, and stopping it with this one."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

import typer

from features.errors import InputError
from features.home import ENVIRONMENT_VARIABLE, Home
from serving.settings import FILE, load_settings
from serving.tls import Certificate

SERVICE = "serving.service:RiskModelService"
#: Seconds that requests in hand have to end; then the server is killed.
GRACE = 30
ROOT = Path(__file__).absolute().parent.parent


def run(home: Home, *, host: str, port: int, workers: int | None, tls: Certificate | None = None) -> int:
    """Serve until the server ends or this process is told to stop.

    Parameters
    ----------
    home
        What is served.
    host, port
        Where to listen.
    workers
        Worker processes; by default one a core.
    tls
        Answers by HTTPS with this certificate; plain HTTP without one.

    Returns
    -------
    int
        Exit code: 0 after SIGTERM or Ctrl-C.

    Raises
    ------
    InputError
        If the address cannot be listened on, or a setting is wrong.
    """
    settings = load_settings(home)
    address = _address(host)
    if settings.access == "open" and not ipaddress.ip_address(address).is_loopback:
        raise InputError(
            "a service that asks for no key listens to its own host only",
            field="--host",
            fix=f"Write `access: keys` to {home.root / FILE} and make keys with risk-model keys create.",
        )
    _check_free(address, port)
    home.root.mkdir(parents=True, exist_ok=True)
    options = ["--host", address, "--port", str(port), "--working-dir", str(ROOT)]
    options += ["--timeout-graceful-shutdown", str(GRACE)]
    if tls is not None:
        options += ["--ssl-certfile", str(tls.chain), "--ssl-keyfile", str(tls.key)]
    with tempfile.TemporaryDirectory(prefix="risk-model-serve-") as scratch:
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", SERVICE, *options],
            env=environment(home, workers or os.cpu_count() or 1, Path(scratch)),
            # Ctrl-C reaches this process only, which then stops the server in order.
            start_new_session=True,
        )
        shown = f"[{host}]" if ":" in host else host
        scheme = "https" if tls is not None else "http"
        typer.echo(f"Serving {home.root} at {scheme}://{shown}:{port} (Ctrl-C stops it)")
        return _wait(process)


def environment(home: Home, workers: int, scratch: Path) -> dict[str, str]:
    """Return the environment of the server."""
    return {
        # One thread a prediction: there is a worker a core.
        "OMP_NUM_THREADS": "1",
        **os.environ,
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # BentoML keeps files of its own; they go with the process.
        "BENTOML_HOME": str(scratch),
        ENVIRONMENT_VARIABLE: str(home.root),
        "RISK_MODEL_SERVE_WORKERS": str(workers),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
    }


def _address(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise InputError(
            f"{host!r} is not an IP address", field="--host", fix="Give one, such as 127.0.0.1 or 0.0.0.0."
        ) from None


def _check_free(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise InputError(
                f"cannot listen on {address}:{port}: {error.strerror}",
                field="--port",
                fix="Choose another port or address, or stop what listens there.",
            ) from None


def _wait(process: subprocess.Popen[bytes]) -> int:
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        if process.poll() is None:
            process.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while True:
            try:
                code = process.wait(timeout=None if not stopping else GRACE + 10)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if stopping else code
