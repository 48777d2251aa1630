"""FastAPI as one writes it, doing the same work: the same request models, kernel, models and answers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from features.home import Home
from serving.access.principal import ANYBODY_HERE
from serving.api.classification import classification
from serving.current import Current
from serving.lookup import assured, rows_of
from serving.schemas.records import to_tables
from serving.schemas.requests import ClassifyRequest, ScoreRequest

app = FastAPI()
current = Current(Home.locate())


@app.get("/readyz")
def readyz() -> dict[str, Any]:
    """Answer what is served."""
    return current.ready()


@app.post("/classify")
async def classify(request: Request) -> JSONResponse:
    """Look up an enterprise."""
    # Dates are text in JSON only: the strict models read the bytes themselves.
    return await run_in_threadpool(_classify, ClassifyRequest.model_validate_json(await request.body()))


def _classify(body: ClassifyRequest) -> JSONResponse:
    publication = current.publication()
    return JSONResponse(classification(publication, rows_of(publication, body.credit_code, ANYBODY_HERE)))


@app.post("/score")
async def score(request: Request) -> JSONResponse:
    """Score and explain."""
    return await run_in_threadpool(_score, ScoreRequest.model_validate_json(await request.body()))


def _score(body: ScoreRequest) -> JSONResponse:
    tables = to_tables(body.records, body.credit_code)
    found = current.champions().scorer.score(tables, body.credit_code, body.as_of)
    results = [assured(one, "a request").as_dict(body.lang) for one in found.values()]
    return JSONResponse({"snapshot": current.publication().name, "results": results})
