"""社会评价信息: complaints and commitments."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince, Decayed, Frequency, Share, Trend
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
    Decayed(
        name="complaints_recent",
        table="complaint",
        half_life=365,
        label=Label("投诉举报（按时间衰减）", "complaints, recent ones weighing more"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        basis=COMPLAINT,
    ),
    Trend(
        name="complaint_trend",
        table="complaint",
        recent="1y",
        windows=("3y",),
        label=Label("投诉举报增减趋势", "trend of complaints"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        basis=COMPLAINT,
    ),
    Share(
        name="verified_share",
        table="complaint",
        where=col("verified") == True,  # noqa: E712
        among=col("verified").is_present(),
        windows=("3y",),
        label=Label("投诉举报查实率", "share of complaints found true"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        basis=COMPLAINT,
    ),
    Frequency(
        name="complaints_an_employee",
        table="complaint",
        size_table="enterprise",
        size_column="employees",
        windows=("1y",),
        label=Label("人均投诉举报", "complaints an employee"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        basis=COMPLAINT,
    ),
    DaysSince(
        name="days_since_verified_complaint",
        table="complaint",
        where=col("verified") == True,  # noqa: E712
        label=Label("距上次查实的投诉举报", "time since the last complaint found true"),
        indicator="social.complaint",
        direction=Direction.LOWERS,
        basis=COMPLAINT,
    ),
    Count(
        name="commitments",
        table="commitment",
        windows=("3y",),
        label=Label("作出信用承诺", "commitments made"),
        indicator="social.commitment",
        basis=COMMITMENT,
    ),
    Share(
        name="broken_share",
        table="commitment",
        where=col("outcome") == "broken",
        among=col("outcome").isin(["kept", "broken"]),
        windows=("5y",),
        label=Label("承诺不实比例", "share of verified commitments that were broken"),
        indicator="social.commitment",
        direction=Direction.RAISES,
        basis=COMMITMENT,
    ),
    DaysSince(
        name="days_since_broken_commitment",
        table="commitment",
        where=col("outcome") == "broken",
        label=Label("距上次承诺不实", "time since a commitment was last broken"),
        indicator="social.commitment",
        direction=Direction.LOWERS,
        basis=COMMITMENT,
    ),
)
