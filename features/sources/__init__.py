"""How one provider's files become canonical records: a mapping (YAML) a source, one reader for all."""

from features.sources.ingestion import ingest
from features.sources.mapping import load_mapping, shipped_mappings
from features.sources.report import FileReport, IngestReport, TableCounts

__all__ = ["FileReport", "IngestReport", "TableCounts", "ingest", "load_mapping", "shipped_mappings"]
