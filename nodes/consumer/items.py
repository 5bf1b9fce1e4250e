"""What a system asks for, one item at a time, and how an item is written as text.

`resource:field=form` with an optional `?` at the end: `civil.resident:birth_date=year?`. Without `=form` the form is
`value`; without `?` the item is required, so that a withheld one refuses the whole request. The form is the least
revealing one that will do; behind it, more revealing ones that would be taken instead: `birth_date=year|value`.

A predicate is written as what it asks, `birth_date=age_at_least(18)`, `degree=in(本科,硕士)`, `name=equals`, or by its
name in the agreement, `birth_date=predicate(adult)`. What an equality compares with is never part of the text: see
`Item.compared_with`. A constant that holds a comma or a parenthesis needs an `Item` or the predicate's name.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from nodes.enrolment.errors import BadInput
from policies.items import AskedItem, BadItem, parse_item
from policies.predicates import BadPredicate, Need, check_operand, checked_need
from policies.vocabulary import RECORD_FIELD, Form, Necessity

MOST_ITEMS = 64


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a request.

    Args:
        resource: Resource code.
        field: Field code.
        form: The form needed: the least revealing one that will do.
        necessity: Whether the request makes sense without it.
        need: The predicate needed, with the form predicate.
        accepted: More revealing forms that are taken where the agreement has no less revealing one.
        operand: What an equality compares with; never part of the text or the `repr`.
    """

    resource: str
    field: str
    form: Form = Form.VALUE
    necessity: Necessity = Necessity.REQUIRED
    need: Need | None = None
    accepted: tuple[Form, ...] = ()
    operand: str = dataclasses.field(default="", repr=False)

    @staticmethod
    def parse(text: str) -> "Item":
        """Reads an item from text.

        Args:
            text: `resource:field=form`, with `?` at the end when optional; see the module.

        Returns:
            The item.

        Raises:
            BadInput: The text has another form.
        """
        try:
            read = parse_item(text)
        except BadItem as error:
            raise BadInput("items", error.rule) from None
        return Item.of(read, Necessity.OPTIONAL if read.optional else Necessity.REQUIRED)

    @staticmethod
    def of(asked: AskedItem, necessity: Necessity) -> "Item":
        """The item that a text, such as that of a service item, says.

        Args:
            asked: As the text says it.
            necessity: Whether the request makes sense without it.

        Returns:
            The item.
        """
        return Item(asked.resource, asked.field, asked.form, necessity, asked.need, asked.accepted)

    def compared_with(self, operand: str) -> "Item":
        """The same item with what its equality compares with.

        Args:
            operand: As the system has it: at most 512 characters. Full-width characters and spaces around do not count.

        Returns:
            The item.
        """
        return dataclasses.replace(self, operand=operand)

    @property
    def forms(self) -> frozenset[Form]:
        """Every form in which an answer may come."""
        return frozenset((self.form, *self.accepted))

    @property
    def asks(self) -> str:
        """What is needed, as text: the form, or the predicate."""
        return str(self.form if self.need is None else self.need)

    def __str__(self) -> str:
        mark = "?" if self.necessity is Necessity.OPTIONAL else ""
        return f"{self.resource}:{self.field}={'|'.join((self.asks, *self.accepted))}{mark}"

    def check(self) -> None:
        """Accepts by returning that the gateway would understand the item.

        Raises:
            BadInput: A rule is broken; the text never holds an operand.
        """
        need = self.need or Need()
        try:
            checked = checked_need(
                self.form,
                name=need.name,
                operator=need.operator,
                constants=need.constants,
                accepted=self.accepted,
                committed=bool(self.operand),
            )
            if self.operand:
                check_operand(self.operand)
        except BadPredicate as error:
            raise BadInput("items", f"{error.key}: {error.rule}") from None
        if checked != self.need:
            raise BadInput("items", "constants must be written in canonical text, those of `in` in order")


def read_items(items: Iterable[Item | str]) -> tuple[Item, ...]:
    """Reads and checks the items of one request.

    Args:
        items: Items, or their text.

    Returns:
        The items, 1 to 64, each field at most once.

    Raises:
        BadInput: None, too many, repeated or malformed.
    """
    read = tuple(item if isinstance(item, Item) else Item.parse(item) for item in items)
    if not 1 <= len(read) <= MOST_ITEMS:
        raise BadInput("items", f"1 to {MOST_ITEMS}")
    if len({(item.resource, item.field) for item in read}) != len(read):
        raise BadInput("items", "a field is asked for twice")
    for item in read:
        item.check()
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
