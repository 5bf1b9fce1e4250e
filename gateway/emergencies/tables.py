"""Tables of declared emergencies: places in the access log, codes and dates; never what was stated or released."""

from sqlalchemy import BigInteger, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel


class EmergencyUseRow(SQLModel, table=True):
    """One agreement on which one request under a declared emergency drew; written with the request's `asked` entry."""

    __tablename__ = "emergencies_uses"
    __table_args__ = (
        Index("emergencies_uses_by_agreement", "agreement_id", "consumer", "outcome", "due_ms"),
        Index("emergencies_uses_by_provider", "provider", "asked_ms"),
        Index("emergencies_uses_by_consumer", "consumer", "asked_ms"),
        Index("emergencies_uses_by_due", "outcome", "due_ms"),
    )

    use_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    entry: int = Field(sa_type=BigInteger, description="position of the asked entry in the access log")
    person_id: bytes = Field(sa_type=LargeBinary, index=True, description="random, 16 bytes")
    provider: str = Field(max_length=63)
    consumer: str = Field(max_length=63)
    system: str = Field(max_length=512, description="SPIFFE id of the asking system")
    resource: str = Field(max_length=128)
    agreement_id: str = Field(max_length=128)
    agreement_revision: int
    reason: str = Field(max_length=64, description="code of the registered reason")
    asked_ms: int = Field(sa_type=BigInteger, description="Unix ms")
    due_ms: int = Field(
        sa_type=BigInteger, description="first moment at which the review is late, Unix ms; moved once by a follow-up"
    )
    person_from_ms: int = Field(sa_type=BigInteger, description="from when on the person may see it, Unix ms")
    law: str = Field(max_length=300, description="by which the person is told later; empty when at once")
    steward_read_ms: int = Field(sa_type=BigInteger, description="when a steward first read the notice; 0 not yet")
    overdue_entry: int = Field(sa_type=BigInteger, description="entry that says that the review is late; -1 for none")
    reviewed_ms: int = Field(sa_type=BigInteger, description="0 while nobody reviewed it")
    outcome: str = Field(max_length=16, description="of the review; empty while there is none")
    review_entry: int = Field(sa_type=BigInteger, description="entry of the newest review; -1 for none")


USES: Table = SQLModel.metadata.tables["emergencies_uses"]
