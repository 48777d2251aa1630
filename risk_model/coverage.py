"""How much is known of an enterprise: the number of its records of supervision."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from features.definitions.feature import Feature
from features.definitions.kinds import Count
from features.records import TABLES, Label

#: Records that say something about conduct; registration alone does not.
TABLES_OF_CONDUCT = (
    "inspection",
    "penalty",
    "sampling_test",
    "complaint",
    "annual_report",
    "abnormal_list",
    "serious_violation_list",
    "incident",
)


def _declarations() -> tuple[Feature, ...]:
    return tuple(
        feature
        for table in TABLES_OF_CONDUCT
        for feature in Count(
            name=f"records_of_{table}",
            table=table,
            label=Label(f"{TABLES[table].label.zh}记录数", f"records: {TABLES[table].label.en}"),
            indicator="supervision.inspection",
        ).features()
    )


#: Counted beside the features of a model; never a feature of one: that much is known of somebody
#: depends on who was looked at.
COVERAGE = _declarations()


def records_known(table: pa.Table | pd.DataFrame) -> np.ndarray:
    """Return the number of records of supervision of each row.

    Parameters
    ----------
    table
        With the columns of :data:`COVERAGE`; a table that the store does not hold counts 0.

    Returns
    -------
    numpy.ndarray
        int64, shape (n,).
    """
    total = np.zeros(len(table), dtype=np.int64)
    for feature in COVERAGE:
        column = table[feature.name]
        total += np.nan_to_num(np.asarray(column.to_numpy(), dtype=np.float64)).astype(np.int64)
    return total
