"""A register that compares a value with its own and says yes or no, and that can be silent or forget whom it knows."""

import hmac
from collections.abc import Mapping
from hashlib import sha256

from gateway.errors import Code, Refused
from gateway.exchange.verify_field import Compared, Comparison


class ComparingRegister:
    """A `Verifier` with its own records, of which it keeps no value: keyed hashes are enough to compare.

    Args:
        department: Whose register it is.
        records: Value by identifier.
    """

    def __init__(self, department: str, records: Mapping[str, str]) -> None:
        self._department = department
        self._key = b"register's own secret"
        self._records = {identifier: self._hash(value) for identifier, value in records.items()}
        self.silent = False
        self.asked: list[Comparison] = []

    def check(self, resource: str, field: str) -> None:
        """It has every field."""

    async def compare(self, question: Comparison) -> Compared:
        self.asked.append(question)
        if self.silent:
            raise Refused(Code.ALL_PROVIDERS_SILENT, "the register does not answer")
        # The same work whether there is a record or not.
        held = self._records.get(question.subject.canonical, b"")
        return Compared(hmac.compare_digest(held, self._hash(question.value)), self._department)

    def _hash(self, value: str) -> bytes:
        return hmac.digest(self._key, value.encode(), sha256)
