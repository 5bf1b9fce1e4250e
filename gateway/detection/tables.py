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


class AuditAlert(SQLModel, table=True):
    """An alert. Who it is about and why is sealed; what is in the clear ranks and finds it."""

    __tablename__ = "audit_alerts"
    __table_args__ = (
        Index("audit_alerts_by_day", "day", "rank", "points"),
        Index("audit_alerts_by_state", "state", "grown_ms"),
    )

    alert_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="16 bytes")
    actor: bytes = Field(sa_type=LargeBinary, index=True, description="keyed token of who it is about, 16 bytes")
    day: int = Field(description="civil day on which it was raised, days since 1970-01-01")
    rank: int = Field(sa_type=SmallInteger, description="of its severity, 0 the highest")
    points: int = Field(description="how much speaks for misuse")
    state: str = Field(max_length=16)
    raised_ms: int = Field(sa_type=BigInteger, description="Unix ms")
    raised_at: int = Field(sa_type=BigInteger, description="entry of the access log at which it was raised")
    grown_ms: int = Field(sa_type=BigInteger, description="when something was last added, Unix ms")
    raised_entry: int = Field(sa_type=BigInteger, description="entry that says that it was raised")
    judged_entry: int = Field(sa_type=BigInteger, description="entry of the newest judgement; -1 for none")
    judged_ms: int = Field(sa_type=BigInteger, description="when, Unix ms; 0 for never")
    body: bytes = Field(sa_type=LargeBinary, description="who, which entries and why, sealed")


class AuditListed(SQLModel, table=True):
    """Somebody on one of the audit office's lists, by a keyed token."""

    __tablename__ = "audit_listed"

    token: bytes = Field(primary_key=True, sa_type=LargeBinary, description="keyed token of the person, 16 bytes")
    list_name: str = Field(max_length=16, description="watched or honeytoken")
    added_ms: int = Field(sa_type=BigInteger, description="Unix ms")
    until_ms: int = Field(sa_type=BigInteger, description="from when on it counts no more, Unix ms")
    entry: int = Field(sa_type=BigInteger, description="entry of the access log that says so, and why")


class AuditDetectionMark(SQLModel, table=True):
    """How far detection has come in the access log."""

    __tablename__ = "audit_detection_marks"

    name: str = Field(primary_key=True, max_length=32)
    value: int = Field(sa_type=BigInteger)


ALERTS: Table = SQLModel.metadata.tables["audit_alerts"]
LISTED: Table = SQLModel.metadata.tables["audit_listed"]
DETECTION_MARKS: Table = SQLModel.metadata.tables["audit_detection_marks"]
RELATIONS: Table = SQLModel.metadata.tables["audit_relations"]
QUESTIONS: Table = SQLModel.metadata.tables["audit_relation_questions"]
