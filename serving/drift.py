"""What has moved since training: worked out beside the requests, kept for the page and for Prometheus."""

from __future__ import annotations

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.lifecycle import monitor
from risk_model.publication import Publication
from serving.champions import database_file
from serving.computed import Computed, Figures


def worked_out(home: Home, publication: Publication, computed: Computed) -> Figures | None:
    """Return the drift of the classification in force; None while it is being worked out.

    Raises
    ------
    InputError
        If there is no registry of models, or a model was trained before references were kept.
    """
    registry = database_file(home)
    key = _key(home, publication)
    if registry is not None and not registry.is_file():
        raise InputError("there is no registry of models here", fix="See the home that trained them.")
    return computed.get(key, lambda: Figures(monitor(home)))


def kept(home: Home, publication: Publication, computed: Computed) -> Figures | None:
    """Return the drift as far as somebody has asked for it; nothing is worked out."""
    try:
        return computed.kept(_key(home, publication))
    except InputError:
        # Without records, as in a bundle, nobody can have asked.
        return None


def _key(home: Home, publication: Publication) -> str:
    return f"drift {publication.name} {RecordStore(home.store).snapshot().id}"
