"""Sections of the gateway's settings that stand by themselves. Rules as in `gateway.settings`."""

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

_KIND: Final = re.compile(r"[a-z_]{1,32}")
_MOST_KINDS: Final = 64


class Section(BaseModel):
    """One table of the file: an unknown key is an error, and what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Retention(Section):
    """How long the access log keeps what its entries say. Hashes and proofs stay for good."""

    months: Annotated[
        int,
        Field(ge=6, le=1200, description="for how many months of 31 days entries are kept; the law's floor is six"),
    ] = 240
    kinds: dict[str, int] = Field(
        default_factory=dict, description="kinds of entries that are kept for more months than the others"
    )
    law: str = Field(
        "《中华人民共和国民法典》第一百八十八条 / Civil Code of the PRC, Art. 188",
        max_length=300,
        description="by which law or decision; written into every entry that prunes",
    )
    automatic: bool = Field(
        default=False, description="whether a serving gateway prunes by itself, once a day; otherwise only the operator"
    )

    @field_validator("kinds")
    @classmethod
    def _kinds(cls, value: dict[str, int]) -> dict[str, int]:
        # Which words are kinds is known where the log is (gateway.bootstrap.retention), before anything starts.
        if len(value) > _MOST_KINDS or any(not _KIND.fullmatch(kind) for kind in value):
            raise ValueError("must name kinds of entries")
        return value

    @field_validator("law")
    @classmethod
    def _law(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("must name a law or decision, on one line")
        return value.strip()
