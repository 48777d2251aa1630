"""The BentoML service: BentoML runs the workers, ours is what they answer.

BentoML's own pages and endpoints are not reachable, but for ``/livez``: its index page loads a script from
outside, and its endpoints answer malformed bodies with 500. Its counts for Prometheus go by address, which
can hold the code of an individual business, and its traces go nowhere: ours count by route, and there are
no traces.
"""

from __future__ import annotations

import gc
import logging
import os
from pathlib import Path
from typing import cast

import risk_model  # noqa: F401 - turns the usage reports of libraries off before they are imported

# isort: split
import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from features.home import ENVIRONMENT_VARIABLE, Home
from serving.access.own_host import NO_KEYS, OTHER_NAME, named_locally, reached_locally
from serving.application import PATIENCE, application
from serving.logs import to_stderr
from serving.problems import Problem
from serving.webhooks.delivery import start

WORKERS_VARIABLE = "RISK_MODEL_SERVE_WORKERS"
#: What BentoML answers itself.
BENTOML_PATHS = frozenset({"/livez"})

#: In a bento: the home that was built into it, beside the code.
BUILT_IN = Path(__file__).resolve().parent.parent / "bundle"

logger = logging.getLogger("risk_model.serving")
APPLICATION = application(
    Home(BUILT_IN) if ENVIRONMENT_VARIABLE not in os.environ and BUILT_IN.is_dir() else Home.locate()
)


@bentoml.service(
    name="risk-model",
    workers=int(os.environ.get(WORKERS_VARIABLE, "1")),
    # It wants a bound of its own, and answers in a form of its own: ours comes first.
    traffic={"timeout": PATIENCE + 30},
    # It logs addresses, which hold credit codes; the service has its own log without them.
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    tracing={"excluded_urls": ".*"},
)
class RiskModelService:
    """Published classifications, explanations, and scores of records at hand."""

    def __init__(self) -> None:
        to_stderr()
        context = APPLICATION.state.context
        start(context.home, context.operational, context.settings.webhook_targets)
        try:
            logger.info("serving %s", APPLICATION.state.context.current.ready())
        except Problem as problem:
            # It starts all the same: what is published later is picked up.
            logger.warning("%s %s", problem.detail, problem.errors[0].fix if problem.errors else "")
        # What is loaded stays: looking through it again and again would hold requests up.
        gc.collect()
        gc.freeze()


class Answers:
    """Answers every request with our application, save what BentoML is there for.

    Parameters
    ----------
    app
        BentoML's application; it also gets the events of start and stop.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (refusal := self._refusal(scope)) is not None:
            await refusal.response()(scope, receive, send)
        else:
            await (self.app if scope["path"] in BENTOML_PATHS else APPLICATION)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        if not APPLICATION.state.context.gate.open:
            return None
        if not reached_locally(scope):
            # Whoever started it past `risk-model serve`, which refuses to listen there.
            return NO_KEYS
        return None if named_locally(scope) else OTHER_NAME


# The decorator has made a service of the class.
cast("bentoml.Service[RiskModelService]", RiskModelService).add_asgi_middleware(Answers)
