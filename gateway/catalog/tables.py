"""Tables of the catalogue capability: descriptions of resources, no records."""

from sqlalchemy import BigInteger, Column, Index, Table, Text
from sqlmodel import Field, SQLModel


class ResourceRow(SQLModel, table=True):
    """The newest version of one resource."""

    __tablename__ = "catalog_resources"
    __table_args__ = (Index("catalog_resources_by_provider", "provider"), Index("catalog_resources_by_node", "node"))

    code: str = Field(primary_key=True, max_length=128)
    provider: str = Field(max_length=63)
    # SPIFFE id of the node that answers for it, or the gateway's own.
    node: str = Field(max_length=512)
    version: int
    published_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # 0 while it is offered.
    withdrawn_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # JSON of the description, and its fingerprint (policies/resources.py).
    body: str = Field(sa_column=Column(Text, nullable=False))
    fingerprint: str = Field(max_length=64)


class VersionRow(SQLModel, table=True):
    """One version of one resource; written once and never changed."""

    __tablename__ = "catalog_versions"

    code: str = Field(primary_key=True, max_length=128)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    provider: str = Field(max_length=63)
    # SPIFFE id of the node that published it, or the gateway's own.
    node: str = Field(max_length=512)
    published_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    fingerprint: str = Field(max_length=64)


class TermRow(SQLModel, table=True):
    """One term that the description of one offered resource holds, for the search."""

    __tablename__ = "catalog_terms"
    # Clustered by term on SQLite: a search reads the resources of a term one after another.
    __table_args__ = (Index("catalog_terms_by_code", "code"), {"sqlite_with_rowid": False})

    term: str = Field(primary_key=True, max_length=64)
    code: str = Field(primary_key=True, max_length=128)
    provider: str = Field(max_length=63)
    # How much the resource is about it (gateway/catalog/terms.py).
    weight: int


class EpochRow(SQLModel, table=True):
    """Counts changes of the catalogue (gateway/storage/epochs.py)."""

    __tablename__ = "catalog_epoch"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


RESOURCES: Table = SQLModel.metadata.tables["catalog_resources"]
VERSIONS: Table = SQLModel.metadata.tables["catalog_versions"]
TERMS: Table = SQLModel.metadata.tables["catalog_terms"]
EPOCH: Table = SQLModel.metadata.tables["catalog_epoch"]
