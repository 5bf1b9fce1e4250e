"""Column types that mean the same on SQLite and on PostgreSQL.

`Integer` is 32 bits wide on PostgreSQL and too small for milliseconds or for a log index, while SQLite counts a row id
up by itself only in a column declared exactly INTEGER. `BigInt` is right on both.
"""

from sqlalchemy import BigInteger, Integer

BigInt = BigInteger().with_variant(Integer(), "sqlite")
