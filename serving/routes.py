"""Every address of the service, with who may use it."""

from __future__ import annotations

from serving.access.principal import OFFICERS, Role
from serving.api import classification, health, openapi, scoring
from serving.endpoints import Endpoint
from serving.pages import dossier, entrance, planner, plans
from serving.schemas import answers, requests

ANYONE: frozenset[Role] = frozenset()

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/healthz", health.healthz, ANYONE, "Whether the process answers.", answer=answers.Alive),
    Endpoint(
        "GET",
        "/readyz",
        health.readyz,
        ANYONE,
        "Whether a classification and the champions are loaded.",
        answer=answers.Ready,
        problems=(503,),
    ),
    Endpoint(
        "POST",
        "/classify",
        classification.classify,
        OFFICERS,
        "Published score and tier of an enterprise.",
        body=requests.ClassifyRequest,
        answer=answers.Classification,
        problems=(404, 503),
    ),
    Endpoint(
        "POST",
        "/explain",
        classification.explain,
        OFFICERS,
        "Why an enterprise has its published score and tier: contributions that add up, and sentences.",
        body=requests.ExplainRequest,
        answer=answers.ExplanationAnswer,
        problems=(404, 503),
    ),
    Endpoint(
        "POST",
        "/score",
        scoring.score,
        OFFICERS | {Role.DATA_SCIENTIST},
        "Score and explain the records of one enterprise that the request brings.",
        body=requests.ScoreRequest,
        answer=answers.Score,
        problems=(403, 503),
    ),
    Endpoint("GET", "/openapi.json", openapi.document, ANYONE, "This document.", answer=None),
    Endpoint("GET", "/docs", openapi.page, ANYONE, "The interface, for people.", page=True),
    Endpoint("GET", "/", entrance.entrance, ANYONE, "Choice of a role.", page=True),
    Endpoint(
        "GET",
        "/planner",
        planner.planner,
        OFFICERS,
        "Enterprises by district, sector and tier; measures; plans.",
        query=planner.PlannerQuery,
        page=True,
    ),
    Endpoint("GET", "/planner/plans/{plan}", plans.plan, OFFICERS, "An inspection plan.", page=True),
    Endpoint(
        "GET",
        "/planner/plans/{plan}/selected.csv",
        plans.selected,
        OFFICERS,
        "The list for inspectors.",
        page=True,
    ),
    Endpoint(
        "GET",
        "/supervisor",
        dossier.search,
        OFFICERS,
        "Search for an enterprise.",
        query=dossier.SearchQuery,
        page=True,
    ),
    Endpoint(
        "GET",
        "/enterprise/{code}",
        dossier.dossier,
        OFFICERS,
        "Dossier of an enterprise.",
        query=dossier.DossierQuery,
        page=True,
    ),
)
