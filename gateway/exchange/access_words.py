"""The words in which a person reads an access: names of department, purpose, law, basis, resource and field.

Names are those of today: a department or resource that is gone has none, and the code stands alone.
"""

from typing import NamedTuple

from gateway.catalog.catalog import Catalog
from gateway.identity.departments import Departments
from policies.purposes import Purposes
from policies.purposes.bases import BASES
from policies.vocabulary import LegalBasis


class Words(NamedTuple):
    """A text in the two public languages."""

    zh: str
    en: str


class AccessWords:
    """Finds names.

    Args:
        departments: Knows departments.
        purposes: The registered purposes.
        catalog: What is offered today.
    """

    def __init__(self, departments: Departments, purposes: Purposes, catalog: Catalog) -> None:
        self._departments = departments
        self._purposes = purposes
        self._catalog = catalog

    def departments(self) -> dict[str, Words]:
        """Names of all departments, those that were cut off as well."""
        return {one.id: Words(one.name_zh, one.name_en) for one in self._departments.list()}

    def purpose(self, code: str) -> tuple[Words, Words] | None:
        """Name of a purpose and the law that it rests on; None when it is not registered."""
        found = self._purposes.get(code)
        return None if found is None else (Words(found.zh, found.en), Words(found.law_zh, found.law_en))

    @staticmethod
    def basis(code: str) -> Words | None:
        """Name of a legal basis; None when there is none of that code."""
        try:
            found = BASES[LegalBasis(code)]
        except ValueError:
            return None
        return Words(found.zh, found.en)

    def resource(self, code: str) -> Words | None:
        """Name of a resource; None when it is not offered any more."""
        described = self._catalog.described(code)
        return None if described is None else Words(described.name_zh, described.name_en)

    def field(self, resource: str, code: str) -> Words | None:
        """Name of a field; None when it is not offered any more."""
        described = self._catalog.described(resource)
        fields = () if described is None else described.fields
        return next((Words(one.name_zh, one.name_en) for one in fields if one.code == code), None)
