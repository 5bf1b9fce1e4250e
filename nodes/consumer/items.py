"""What a system asks for, one item at a time, and how an item is written as text.

`resource:field=form` with an optional `?` at the end: `civil.resident:birth_date=year?`. Without `=form` the form is
`value`; without `?` the item is required, so that a withheld one refuses the whole request. The form is the least
revealing one that will do; behind it, more revealing ones that would be taken instead: `birth_date=year|value`.

A predicate is written as what it asks, `birth_date=age_at_least(18)`, `degree=in(本科,硕士)`, `name=equals`, or by its
name in the agreement, `birth_date=predicate(adult)`. What an equality compares with is never part of the text: see
`Item.compared_with`. A constant that holds a comma or a parenthesis needs an `Item` or the predicate's name.
"""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nodes.enrolment.errors import BadInput
from policies.predicates import BadPredicate, Need, Operator, check_operand, checked_constants, checked_need
from policies.vocabulary import RECORD_FIELD, Form, Necessity

MOST_ITEMS = 64
_ITEM = re.compile(
    r"(?P<resource>[a-z][a-z0-9_.-]{0,127}):(?P<field>[a-z][a-z0-9_]{0,63})"
    r"(?:=(?P<form>[a-z_]+)(?P<arguments>\([^()]*\))?(?P<accepted>(?:\|[a-z]+)*))?(?P<optional>\??)"
)
_SHAPE = "must be written resource:field=form, with ? at the end when optional"


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
        match = _ITEM.fullmatch(text)
        if match is None:
            raise BadInput("items", _SHAPE)
        form, need = _form(match["form"] or Form.VALUE, match["arguments"])
        try:
            accepted = tuple(Form(word) for word in (match["accepted"] or "").split("|")[1:])
        except ValueError:
            raise BadInput("items", f"a form must be one of {', '.join(Form)}") from None
        necessity = Necessity.OPTIONAL if match["optional"] else Necessity.REQUIRED
        return Item(match["resource"], match["field"], form, necessity, need, accepted)

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


def _form(word: str, arguments: str | None) -> tuple[Form, Need | None]:
    """A form, or a predicate's operator with its constants."""
    inside = [] if arguments is None else [part.strip() for part in arguments[1:-1].split(",")]
    try:
        if word == Form.PREDICATE:
            if len(inside) != 1:
                raise BadInput("items", "a predicate is named, as in predicate(adult), or said, as in age_at_least(18)")
            return Form.PREDICATE, Need(inside[0])
        if word in frozenset(Operator):
            operator = Operator(word)
            return Form.PREDICATE, Need("", operator, checked_constants(operator, inside))
        if arguments is not None:
            raise BadInput("items", "only an operator has constants")
        return Form(word), None
    except BadPredicate as error:
        raise BadInput("items", f"{error.key}: {error.rule}") from None
    except ValueError:
        raise BadInput("items", f"the form must be one of {', '.join((*Form, *Operator))}") from None


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
