"""The catalogue as a system reads it. The catalogue is the gateway's word: nothing in it is signed by a provider."""

from collections.abc import Mapping
from dataclasses import dataclass

from nodes.consumer.words import FORMS
from nodes.errors import PublicText
from oncegate.v1 import catalog_pb2
from policies.vocabulary import Classification, Form, Mode, SharingType

CLASSIFICATIONS: Mapping[int, Classification] = {level.rank: level for level in Classification}
SHARING: Mapping[int, SharingType] = dict(enumerate(SharingType, start=1))
MODES: Mapping[int, Mode] = dict(enumerate(Mode, start=1))


@dataclass(frozen=True, slots=True)
class CatalogField:
    """One field of a resource.

    Args:
        code: Field code.
        name: Name for people.
        data_type: string, date, integer, decimal or boolean.
        classification: How sensitive; None when the gateway's word is not known here.
        forms: Forms in which it may be released at all.
        mask: Which mask the form `masked` uses; empty when never masked.
        authority: What makes this source the one to believe; may be empty.
    """

    code: str
    name: PublicText
    data_type: str
    classification: Classification | None
    forms: tuple[Form, ...]
    mask: str
    authority: str = ""


@dataclass(frozen=True, slots=True)
class CatalogResource:
    """One resource.

    Args:
        code: Resource code.
        name: Name for people.
        provider: Department id.
        abstract: What the records are.
        classification: How sensitive; None when the gateway's word is not known here.
        sharing_type: On what terms it is shared; None when the gateway's word is not known here.
        sharing_terms: The condition or the law.
        update_cycle: How often the source changes, ISO 8601 duration.
        subject_schemes: Schemes of identifiers by which records are found.
        unlisted: Whether the index holds no pointers because membership itself is sensitive.
        fields: Its fields.
        version: Counted by the gateway, from 1.
        published_ms: When this version was first published.
        path: Place in the catalogue's subjects, from wide to narrow.
        duty: For which duty of the asking department it is shared.
        purpose: What for.
        modes: How it is offered.
        related: Codes of resources that go with it.
        fingerprint: SHA-256 of the description, hex.
        withdrawn_ms: When it was withdrawn; 0 while it is offered.
    """

    code: str
    name: PublicText
    provider: str
    abstract: PublicText
    classification: Classification | None
    sharing_type: SharingType | None
    sharing_terms: str
    update_cycle: str
    subject_schemes: tuple[str, ...]
    unlisted: bool
    fields: tuple[CatalogField, ...]
    version: int
    published_ms: int
    path: tuple[PublicText, ...] = ()
    duty: str = ""
    purpose: str = ""
    modes: tuple[Mode, ...] = ()
    related: tuple[str, ...] = ()
    fingerprint: str = ""
    withdrawn_ms: int = 0

    def field(self, code: str) -> CatalogField | None:
        """The field of this code, or None.

        Args:
            code: Field code.
        """
        return next((field for field in self.fields if field.code == code), None)


def read_resource(message: catalog_pb2.Resource) -> CatalogResource:
    """Reads one resource of the catalogue.

    Args:
        message: As it travels.

    Returns:
        The resource.
    """
    return CatalogResource(
        code=message.code,
        name=_text(message.name),
        provider=message.provider,
        abstract=_text(message.abstract),
        classification=CLASSIFICATIONS.get(message.classification),
        sharing_type=SHARING.get(message.sharing_type),
        sharing_terms=message.sharing_terms,
        update_cycle=message.update_cycle,
        subject_schemes=tuple(message.subject_schemes),
        unlisted=message.unlisted,
        fields=tuple(
            CatalogField(
                code=field.code,
                name=_text(field.name),
                data_type=field.data_type,
                classification=CLASSIFICATIONS.get(field.classification),
                forms=tuple(FORMS[form] for form in field.forms if form in FORMS),
                mask=field.mask,
                authority=field.authority,
            )
            for field in message.fields
        ),
        version=message.version,
        published_ms=message.published_unix_ms,
        path=tuple(_text(step) for step in message.classification_path),
        duty=message.duty,
        purpose=message.purpose,
        modes=tuple(MODES[mode] for mode in message.modes if mode in MODES),
        related=tuple(message.related),
        fingerprint=message.fingerprint,
        withdrawn_ms=message.withdrawn_unix_ms,
    )


def _text(message: catalog_pb2.LocalText) -> PublicText:
    return PublicText(message.zh, message.en)
