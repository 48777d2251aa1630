"""The records behind a published score."""

from __future__ import annotations

from features.errors import InputError
from features.home import Home
from features.store import RecordStore, Snapshot
from risk_model.explanation.evidence.disclosure import Disclosure
from risk_model.explanation.evidence.linked import Evidence, evidence_of
from risk_model.explanation.explanation import Explanation
from risk_model.publication import Publication


def seen_records(home: Home, publication: Publication) -> Snapshot | None:
    """Return the state of the records that a classification saw; None if the store no longer has it."""
    try:
        return RecordStore(home.store).snapshot(publication.document["data_snapshot"])
    except InputError:
        return None


def published_evidence(
    home: Home,
    publication: Publication,
    explanation: Explanation,
    disclosure: Disclosure | None = None,
    *,
    whole: bool = False,
) -> Evidence | None:
    """Return the records behind the reasons of a published score, in the state that it saw.

    Parameters
    ----------
    home
        With the record store.
    publication, explanation
        The classification, and what it says of an enterprise.
    disclosure
        What its reader may be told; by default what officers may.
    whole
        Of all features, not only of the reasons that are told.

    Returns
    -------
    Evidence or None
        None if the store no longer has that state of the records.
    """
    snapshot = seen_records(home, publication)
    if snapshot is None:
        return None
    return evidence_of(snapshot, explanation, disclosure, groups=None if whole else explanation.told)
