"""Tables of the policy capability: bundles, byte for byte, and when each came in force."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel


class BundleRow(SQLModel, table=True):
    """One bundle. The row is never changed; its files are checked against the digest whenever they are read."""

    __tablename__ = "policy_bundles"

    # "sha256:" and 64 hex digits, over names and contents (policies/engine/bundle.py).
    digest: str = Field(primary_key=True, max_length=71)
    # The files, each name and content after its length.
    files: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # What linter and decision tables said when it was handed in: JSON.
    report: str = Field(sa_column=Column(Text, nullable=False))
    # The first entry of the access log about it.
    entry: int = Field(sa_column=Column(BigInteger, nullable=False))
    stored_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class StepRow(SQLModel, table=True):
    """One proposal, approval or activation: where in the access log it stands. Only ever added."""

    __tablename__ = "policy_activations"

    # Entry of the access log; what counts is what it says.
    entry: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    digest: str = Field(max_length=71)
    # proposed, approved or activated.
    step: str = Field(max_length=16)
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class EpochRow(SQLModel, table=True):
    """Counts changes of bundles and activations (gateway/storage/epochs.py)."""

    __tablename__ = "policy_epoch"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


BUNDLES: Table = SQLModel.metadata.tables["policy_bundles"]
STEPS: Table = SQLModel.metadata.tables["policy_activations"]
EPOCH: Table = SQLModel.metadata.tables["policy_epoch"]
