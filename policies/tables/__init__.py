"""Decision tables: what a bundle must decide, written down row by row and tried against it (`oncegate policy test`).

A table names an agreement and a resource, a request, and in each row what differs and what must come out for each item:
released, or the reason. Rules kept here: a table is refused as a whole if anything in it is not understood; a row that
cannot be tried is a failure, never passed over.

What it does not do: it reads no database; what a table is about is in its own files.
"""

from policies.tables.parse import Row, Table, parse_table
from policies.tables.reader import BadTable
from policies.tables.run import Failure, Outcome, run_table

__all__ = ["BadTable", "Failure", "Outcome", "Row", "Table", "parse_table", "run_table"]
