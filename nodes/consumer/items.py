"""What a system asks for, one item at a time, and how an item is written as text.

`resource:field=form` with an optional `?` at the end: `civil.resident:birth_date=year?`. Without `=form` the form is
`value`; without `?` the item is required, so that a withheld one refuses the whole request.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nodes.enrolment.errors import BadInput
from policies.vocabulary import RECORD_FIELD, Form, Necessity

MOST_ITEMS = 64
_ITEM = re.compile(
    r"(?P<resource>[a-z][a-z0-9_.-]{0,127}):(?P<field>[a-z][a-z0-9_]{0,63})(?:=(?P<form>[a-z]+))?(?P<optional>\??)"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a request.

    Args:
        resource: Resource code.
        field: Field code.
        form: The form wanted.
        necessity: Whether the request makes sense without it.
    """

    resource: str
    field: str
    form: Form = Form.VALUE
    necessity: Necessity = Necessity.REQUIRED

    @staticmethod
    def parse(text: str) -> "Item":
        """Reads an item from text.

        Args:
            text: `resource:field=form`, with `?` at the end when optional.

        Returns:
            The item.

        Raises:
            BadInput: The text has another form.
        """
        match = _ITEM.fullmatch(text)
        if match is None:
            raise BadInput("items", "must be written resource:field=form, with ? at the end when optional")
        try:
            form = Form(match["form"] or Form.VALUE)
        except ValueError as error:
            raise BadInput("items", f"the form must be one of {', '.join(Form)}") from error
        return Item(
            match["resource"],
            match["field"],
            form,
            Necessity.OPTIONAL if match["optional"] else Necessity.REQUIRED,
        )

    def __str__(self) -> str:
        mark = "?" if self.necessity is Necessity.OPTIONAL else ""
        return f"{self.resource}:{self.field}={self.form}{mark}"


def read_items(items: Iterable[Item | str]) -> tuple[Item, ...]:
    """Reads and checks the items of one request.

    Args:
        items: Items, or their text.

    Returns:
        The items, 1 to 64, each field at most once in each form.

    Raises:
        BadInput: None, too many, repeated or malformed.
    """
    read = tuple(item if isinstance(item, Item) else Item.parse(item) for item in items)
    if not 1 <= len(read) <= MOST_ITEMS:
        raise BadInput("items", f"1 to {MOST_ITEMS}")
    if len({(item.resource, item.field, item.form) for item in read}) != len(read):
        raise BadInput("items", "an item is repeated")
    return read


def record_items(resources: Iterable[str]) -> tuple[Item, ...]:
    """The items of a locate request: whether each resource holds a record.

    Args:
        resources: Resource codes.

    Returns:
        One optional `exists` item on the field "record" per resource, so that one that policy withholds does not
        hide the others.

    Raises:
        BadInput: None, too many or repeated.
    """
    return read_items(Item(code, RECORD_FIELD, Form.EXISTS, Necessity.OPTIONAL) for code in resources)
