"""The audit office's register of officials: which person an official is, in a file of the office's own.

CSV in UTF-8 with a heading `issuer,subject,scheme,identifier`; mode 0600, since it says who works where under which
number. One official has one line; several may be one person. It is read whole and goes nowhere: an identifier of it
leaves only as the operand of a question, under an agreement.

Fails closed: a line that is not right refuses the file; the error names line and rule, never what the line says.
"""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from keys.secret_file import read_secret
from nodes.enrolment.errors import BadInput
from policies.identifiers import BadIdentifier, known_schemes, normalise

COLUMNS: Final = ("issuer", "subject", "scheme", "identifier")
_MOST: Final = 1_000_000
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Whom:
    """A person.

    Attributes:
        scheme: Of the identifier.
        identifier: Canonical. Shown in no text of this object.
    """

    scheme: str
    identifier: str = field(repr=False)


def read_officials(path: Path) -> dict[tuple[str, str], Whom]:
    """Read the register.

    Args:
        path: The file.

    Returns:
        Persons by issuer and subject.

    Raises:
        KeysError: It is not there, or open to others.
        BadInput: A line is not right.
    """
    try:
        text = read_secret(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("officials", "must be UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[tuple[str, str], Whom] = {}
    try:
        for number, row in enumerate(reader, 1):
            if number == 1:
                if tuple(row) != COLUMNS:
                    raise BadInput("officials", f"must begin with {','.join(COLUMNS)}")
            elif row:
                _add(found, row, reader.line_num)
    except csv.Error:
        raise BadInput(f"officials[{reader.line_num}]", "must be CSV") from None
    return found


def _add(found: dict[tuple[str, str], Whom], row: list[str], line: int) -> None:
    where = f"officials[{line}]"
    if len(row) != len(COLUMNS) or not all(row) or any(len(cell) > _LONGEST for cell in row):
        raise BadInput(where, f"must have {len(COLUMNS)} cells of at most {_LONGEST} characters, none empty")
    issuer, subject, scheme, identifier = row
    if scheme not in known_schemes():
        raise BadInput(where, "must name a known scheme")
    try:
        whom = Whom(scheme, normalise(scheme, identifier))
    except BadIdentifier as error:
        raise BadInput(where, error.rule) from None
    if (issuer, subject) in found or len(found) >= _MOST:
        raise BadInput(where, f"must not repeat an official, and there are at most {_MOST}")
    found[issuer, subject] = whom
