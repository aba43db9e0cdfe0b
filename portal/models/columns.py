"""Column types shared by the tables."""

import os
import time
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Enum, Integer, Uuid
from sqlalchemy.orm import mapped_column

from portal.db import Moment, MomentOrNever

Word = TypeVar("Word", bound=StrEnum)

CountedId = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)]
At = Annotated[datetime, mapped_column(Moment)]
AtOrNone = Annotated[datetime | None, mapped_column(Moment)]
AtOrNever = Annotated[datetime | None, mapped_column(MomentOrNever, nullable=False)]
Id = Annotated[UUID, mapped_column(Uuid, primary_key=True)]
Entered = Annotated[dict[str, str] | None, mapped_column(JSON(none_as_null=True))]


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): random, but growing with time, so that indexes stay compact."""
    milliseconds = time.time_ns() // 1_000_000
    raw = bytearray(milliseconds.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return UUID(bytes=bytes(raw))


def word(kind: type[Word]) -> Enum:
    """A column that stores the words of a StrEnum as plain text."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda words: [w.value for w in words],
    )
