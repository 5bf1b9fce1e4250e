"""Tries a decision table against an engine and says what came out otherwise, item by item."""

from dataclasses import dataclass

from policies.engine import PolicyEngine
from policies.tables.parse import RELEASED, Table


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that was decided otherwise than the table says."""

    row: str
    line: int
    item: str
    expected: str
    got: str
    rules: tuple[str, ...]

    def __str__(self) -> str:
        rules = ", ".join(self.rules) or "no rule"
        return f"line {self.line}: {self.row}: {self.item}: expected {self.expected}, got {self.got} ({rules})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows and items were tried, and what failed."""

    rows: int
    items: int
    failures: tuple[Failure, ...]


def run_table(engine: PolicyEngine, table: Table) -> Outcome:
    """Try every row.

    Args:
        engine: What decides.
        table: What must come out.

    Returns:
        The outcome.
    """
    failures: list[Failure] = []
    items = 0
    for row in table.rows:
        for decided, expected in zip(engine.decide(row.question).items, row.expected, strict=True):
            items += 1
            got = RELEASED if decided.allowed else str(decided.reason)
            if got != expected:
                name = f"{decided.field}={decided.form}"
                failures.append(Failure(row.name, row.line, name, expected, got, decided.rules))
    return Outcome(len(table.rows), items, tuple(failures))
