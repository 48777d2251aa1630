"""The records behind an explanation, for whoever asks the service."""

from __future__ import annotations

from risk_model.explanation.evidence import Evidence, evidence_of
from risk_model.explanation.evidence.published import seen_records
from risk_model.explanation.explanation import Explanation
from risk_model.publication import Publication
from serving.access.principal import OFFICERS
from serving.disclosure import Reader, disclosure_to
from serving.endpoints import Call


def evidence_for(
    call: Call, publication: Publication, explanation: Explanation, *, whole: bool = False
) -> Evidence | None:
    """Return the records behind a published score as far as the caller's roles go.

    Parameters
    ----------
    call, publication, explanation
        Who asks, and for what.
    whole
        Of all features, not only of the reasons that are told.

    Returns
    -------
    Evidence or None
        None if the store no longer has the state of the records that the classification saw.
    """
    home, code = call.context.home, explanation.credit_code
    snapshot = seen_records(home, publication)
    if snapshot is None:
        return None
    reader = Reader.OFFICER if call.principal.roles & OFFICERS else Reader.PUBLIC
    may = disclosure_to(reader, home, snapshot, code, explanation.as_of)
    return evidence_of(snapshot, explanation, may, groups=None if whole else explanation.told)
