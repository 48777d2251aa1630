"""What all requests share: nothing unknown, nothing converted behind the sender's back, no NaN."""

from __future__ import annotations

import unicodedata
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from features.records.credit_code import ALPHABET, check_character, explain

Language = Literal["zh", "en"]
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
CODE_LENGTH = 18


class Request(BaseModel):
    """A request body or query."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """A part of an answer; for the OpenAPI document and the tests, not filled on the way out."""

    model_config = ConfigDict(extra="forbid")


# Of an enterprise's records each may name it: it is checked once.
@lru_cache(maxsize=1024)
def _credit_code(text: str) -> str:
    code = "".join(text.split()).upper() if ":" not in text else text.strip()
    if len(code) == CODE_LENGTH and all(character in ALPHABET for character in code):
        if check_character(code[:-1]) == code[-1]:
            return code
    else:
        kind = explain(code)
        # Codes from before 2015 and of other registers identify an enterprise, too.
        if kind in ("legacy registration", "legacy organisation", "local"):
            return code
    raise PydanticCustomError(
        "credit_code",
        "{got}: {wrong}",
        {
            "got": repr(text[:40]),
            "wrong": explain(code) if code else "it is empty",
            "fix": "Compare it with the business licence: 18 characters, the last one a check character.",
        },
    )


CreditCode = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="Unified social credit code (GB 32100) with a right check character; "
        "codes from before 2015 and NAMESPACE:key are taken, too.",
        examples=["91350100M000100Y43"],
    ),
    AfterValidator(_credit_code),
]


def _plain_text(text: str) -> str:
    wrong = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"), None)
    if wrong is not None:
        raise PydanticCustomError(
            "control_character",
            "it holds the control character U+{code}",
            {"code": f"{ord(wrong):04X}", "fix": "Send plain text; line breaks and tabs are taken."},
        )
    if not text.strip():
        raise PydanticCustomError("blank", "it is empty", {"fix": "Give it in words."})
    return text.strip()


#: Text that is kept: by databases and files that know no control characters.
Text = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_plain_text)]
#: A short one: a name, an identifier.
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain_text)]
RecordId = Annotated[
    str,
    Field(min_length=1, max_length=500, description="Identifier of the record (record_id)."),
    AfterValidator(_plain_text),
]
Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]
On = Annotated[Day | None, Field(description="The day; today's in China by default.")]
Provider = Annotated[
    str,
    Field(min_length=1, max_length=200, description="Authority that decides and provides the record."),
    AfterValidator(_plain_text),
]
Month = Annotated[str, Field(pattern="^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-01"])]
District = Annotated[
    str,
    Field(
        pattern="^[0-9]{2,12}$", description="GB/T 2260 code; one that ends in 00 stands for all below it."
    ),
]
Limit = Annotated[int, Field(ge=1, le=1000, description="Rows of a page.")]
Cursor = Annotated[
    str | None, Field(max_length=2000, description="From `next` of the page before, unchanged.")
]

AsOf = Annotated[
    date, Field(ge=FIRST_DAY, le=LAST_DAY, description="Date of the classification.", examples=["2025-06-30"])
]
ModelName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern="^[a-z][a-z0-9_]*$",
        description="By default the sector model that speaks of the enterprise (of several, that of the "
        "riskiest tier), else the general one.",
        examples=["food"],
    ),
]
