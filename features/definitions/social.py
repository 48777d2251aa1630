"""社会评价信息: complaints and commitments."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince
from features.records import Label

COMPLAINT = "市场监督管理投诉举报处理暂行办法"
COMMITMENT = "国市监信发〔2021〕28号第七条"

DECLARATIONS = (
    Count(
        name="complaints",
        table="complaint",
        windows=("1y", "3y"),
        label=Label("投诉举报", "complaints"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        basis=COMPLAINT,
    ),
    Count(
        name="verified_complaints",
        table="complaint",
        where=col("verified") == True,  # noqa: E712
        windows=("1y", "3y"),
        label=Label("查实的投诉举报", "complaints found true"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        basis=COMPLAINT,
    ),
    DaysSince(
        name="days_since_complaint",
        table="complaint",
        label=Label("距上次被投诉", "time since the last complaint"),
        indicator="social.complaint",
        direction=Direction.LOWERS,
        basis=COMPLAINT,
    ),
    Count(
        name="commitments_kept",
        table="commitment",
        where=col("outcome") == "kept",
        windows=("3y",),
        label=Label("履行信用承诺", "commitments kept"),
        indicator="social.commitment",
        direction=Direction.LOWERS,
        basis=COMMITMENT,
    ),
    Count(
        name="commitments_broken",
        table="commitment",
        where=col("outcome") == "broken",
        windows=("3y",),
        label=Label("信用承诺不实", "commitments broken"),
        indicator="social.commitment",
        direction=Direction.RAISES,
        basis=COMMITMENT,
    ),
)
