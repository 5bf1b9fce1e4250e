"""Sections of the gateway's settings that stand by themselves. Rules as in `gateway.settings`."""

import re
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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


class WitnessSettings(Section):
    """One witness of the access log."""

    vkey: str = Field(min_length=1, max_length=512, description="its verifier key; the name is in it")
    url: str = Field(min_length=1, max_length=512, description="http:// or https:// address that its paths follow")


class Witnesses(Section):
    """Who cosigns the access log, and what happens when they do not."""

    known: tuple[WitnessSettings, ...] = Field((), max_length=32, description="the witnesses; empty: the log has none")
    quorum: Annotated[int, Field(ge=0, le=32, description="how many of them a checkpoint needs to be published")] = 0
    stop_after_s: Annotated[
        int, Field(ge=5, le=86400, description="nothing is released when no checkpoint was cosigned for so long")
    ] = 900
    timeout_s: Annotated[float, Field(ge=0.1, le=30, description="how long a witness may take for one answer")] = 2.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if bool(self.known) != bool(self.quorum) or self.quorum > len(self.known):
            raise ValueError("quorum: must be from 1 to the number of witnesses, and 0 without any")
        return self
