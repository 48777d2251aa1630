"""Published classifications: immutable snapshots that every reader opens in place."""

from risk_model.publication.reading import Publication
from risk_model.publication.writing import PublicationWriter

__all__ = ["Publication", "PublicationWriter"]
