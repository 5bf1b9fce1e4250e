"""How one item that is asked for is written as text: in requests, on the command line and in service items.

`resource:field=form` with an optional `?` at the end: `civil.resident:birth_date=year?`. Without `=form` the form is
`value`. The form is the least revealing one that will do; behind it, more revealing ones that would be taken instead:
`birth_date=year|value`. A predicate is written as what it asks, `birth_date=age_at_least(18)`, `degree=in(本科,硕士)`,
`name=equals`, or by its name in the agreement, `birth_date=predicate(adult)`.

Rules kept here: text that is not exactly of this shape is no item; constants are brought into canonical text.

What it does not do: a constant that holds a comma or a parenthesis has no text. Whether the forms fit together is
looked at by `policies.predicates.checked_need`.
"""

import re
from dataclasses import dataclass
from typing import Final

from policies.predicates import BadPredicate, Need, Operator, checked_constants
from policies.vocabulary import Form

_ITEM: Final = re.compile(
    r"(?P<resource>[a-z][a-z0-9_.-]{0,127}):(?P<field>[a-z][a-z0-9_]{0,63})"
    r"(?:=(?P<form>[a-z_]+)(?P<arguments>\([^()]*\))?(?P<accepted>(?:\|[a-z]+)*))?(?P<optional>\??)"
)


class BadItem(ValueError):
    """Text is no item.

    Args:
        rule: The rule that is broken.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class AskedItem:
    """One item as its text says it.

    Attributes:
        resource: Resource code.
        field: Field code.
        form: The form needed: the least revealing one that will do.
        need: The predicate needed, with the form predicate.
        accepted: More revealing forms that are taken where the agreement has no less revealing one.
        optional: Whether it ends with a question mark.
    """

    resource: str
    field: str
    form: Form = Form.VALUE
    need: Need | None = None
    accepted: tuple[Form, ...] = ()
    optional: bool = False

    @property
    def name(self) -> str:
        """Resource and field, `resource:field`."""
        return f"{self.resource}:{self.field}"

    @property
    def asks(self) -> str:
        """What is needed, as text: the form, or the predicate."""
        return str(self.form if self.need is None else self.need)

    def __str__(self) -> str:
        return f"{self.name}={'|'.join((self.asks, *self.accepted))}{'?' if self.optional else ''}"


def parse_item(text: str) -> AskedItem:
    """Read an item from text.

    Args:
        text: See the module.

    Returns:
        The item.

    Raises:
        BadItem: The text has another shape, or a word in it is not known.
    """
    match = _ITEM.fullmatch(text)
    if match is None:
        raise BadItem("must be written resource:field=form, with ? at the end when optional")
    form, need = _form(match["form"] or Form.VALUE, match["arguments"])
    try:
        accepted = tuple(Form(word) for word in (match["accepted"] or "").split("|")[1:])
    except ValueError:
        raise BadItem(f"a form must be one of {', '.join(Form)}") from None
    return AskedItem(match["resource"], match["field"], form, need, accepted, bool(match["optional"]))


def _form(word: str, arguments: str | None) -> tuple[Form, Need | None]:
    """A form, or a predicate's operator with its constants."""
    inside = [] if arguments is None else [part.strip() for part in arguments[1:-1].split(",")]
    try:
        if word in frozenset(Operator):
            operator = Operator(word)
            return Form.PREDICATE, Need("", operator, checked_constants(operator, inside))
        form = Form(word)
    except BadPredicate as error:
        raise BadItem(f"{error.key}: {error.rule}") from None
    except ValueError:
        raise BadItem(f"the form must be one of {', '.join((*Form, *Operator))}") from None
    if form is Form.PREDICATE:
        if len(inside) != 1:
            raise BadItem("a predicate is named, as in predicate(adult), or said, as in age_at_least(18)")
        return form, Need(inside[0])
    if arguments is not None:
        raise BadItem("only an operator has constants")
    return form, None
