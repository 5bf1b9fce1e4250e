"""Tables of detection: keyed tokens, places in the access log, numbers and codes; no identifier and no name."""

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, Table
from sqlmodel import Field, SQLModel


class AuditRelation(SQLModel, table=True):
    """What nodes answered to the audit office about an official and a person."""

    __tablename__ = "audit_relations"
    __table_args__ = (Index("audit_relations_by_time", "answered_ms"),)

    pair: bytes = Field(primary_key=True, sa_type=LargeBinary, description="keyed token of the pair, 16 bytes")
    answered: int = Field(sa_type=SmallInteger, description="relations with an answer, one bit each")
    holds: int = Field(sa_type=SmallInteger, description="those of them that hold")
    answered_ms: int = Field(sa_type=BigInteger, description="Unix ms")
    entry: int = Field(sa_type=BigInteger, description="entry of the access log that recorded the answer")


class AuditRelationQuestion(SQLModel, table=True):
    """A pair about which detection wants an answer; it goes when there is one."""

    __tablename__ = "audit_relation_questions"
    __table_args__ = (Index("audit_relation_questions_by_suspicion", "suspicion", "wanted_ms"),)

    pair: bytes = Field(primary_key=True, sa_type=LargeBinary, description="keyed token of the pair, 16 bytes")
    entry: int = Field(sa_type=BigInteger, description="newest read of this person by this official")
    suspicion: int = Field(description="what speaks for misuse without the relation, in points")
    wanted_ms: int = Field(sa_type=BigInteger, description="when it was first wanted, Unix ms")


RELATIONS: Table = SQLModel.metadata.tables["audit_relations"]
QUESTIONS: Table = SQLModel.metadata.tables["audit_relation_questions"]
