"""How one provider's files become canonical records: a mapping (YAML) a source, one reader for all."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.sources.ingestion import ingest
    from features.sources.mapping import load_mapping, shipped_mappings
    from features.sources.report import FileReport, IngestReport, TableCounts

__all__ = ["FileReport", "IngestReport", "TableCounts", "ingest", "load_mapping", "shipped_mappings"]

_HOMES = {
    "FileReport": "report",
    "IngestReport": "report",
    "TableCounts": "report",
    "ingest": "ingestion",
    "load_mapping": "mapping",
    "shipped_mappings": "mapping",
}


def __getattr__(name: str) -> Any:
    # The command line imports this package for the help text of one command: what reads files is loaded
    # when it is first used.
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
