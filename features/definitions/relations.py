"""关联关系信息: persons and enterprises that an enterprise is tied to."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.kinds import InForce
from features.records import Label

DECLARATIONS = (
    InForce(
        name="shareholders",
        table="relation",
        until="ended_on",
        where=col("kind") == "shareholder",
        label=Label("股东数", "shareholders"),
        indicator="relations.persons",
    ),
    InForce(
        name="branches",
        table="relation",
        until="ended_on",
        where=col("kind") == "branch",
        label=Label("分支机构数", "branches"),
        indicator="relations.enterprises",
    ),
    InForce(
        name="investments",
        table="relation",
        until="ended_on",
        where=col("kind") == "investment",
        label=Label("对外投资数", "outward investments"),
        indicator="relations.enterprises",
    ),
)
