"""Who may call which RPC, as data.

A test proves the table total: every RPC of every service has a rule, and every rule an RPC.
Fails closed: an RPC without a rule is refused before its handler runs.
"""

from dataclasses import dataclass
from enum import StrEnum


class Door(StrEnum):
    """The two ports of a gateway."""

    SYSTEMS = "systems"
    PEOPLE = "people"


class Caller(StrEnum):
    """Who an RPC is for."""

    NODE = "node"
    SYSTEM = "system"
    TOKEN_HOLDER = "token_holder"  # noqa: S105 - a kind of caller: someone with an enrolment token
    CITIZEN = "citizen"
    AUDITOR = "auditor"
    STEWARD = "steward"
    OPERATOR = "operator"
    PERSON = "person"
    ANYONE = "anyone"


@dataclass(frozen=True, slots=True)
class Rule:
    """On which doors an RPC is served, and for whom there."""

    doors: dict[Door, frozenset[Caller]]


def _rule(**doors: tuple[Caller, ...]) -> Rule:
    return Rule({Door(name): frozenset(callers) for name, callers in doors.items()})


_PEERS = (Caller.NODE, Caller.SYSTEM)
RULES: dict[str, Rule] = {
    "/oncegate.v1.ExchangeService/Fetch": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.ExchangeService/Locate": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.ExchangeService/Acknowledge": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.NodeLinkService/Connect": _rule(systems=(Caller.NODE,)),
    "/oncegate.v1.CatalogService/ListResources": _rule(systems=_PEERS, people=(Caller.PERSON,)),
    "/oncegate.v1.CatalogService/GetResource": _rule(systems=_PEERS, people=(Caller.PERSON,)),
    "/oncegate.v1.CatalogService/Search": _rule(systems=_PEERS, people=(Caller.PERSON,)),
    "/oncegate.v1.CatalogService/ListVersions": _rule(systems=_PEERS, people=(Caller.PERSON,)),
    "/oncegate.v1.CatalogService/Diff": _rule(systems=_PEERS, people=(Caller.PERSON,)),
    "/oncegate.v1.CatalogService/ListDepartments": _rule(systems=_PEERS, people=(Caller.PERSON,)),
    "/oncegate.v1.EnrolmentService/Enrol": _rule(people=(Caller.TOKEN_HOLDER,)),
    "/oncegate.v1.EnrolmentService/Renew": _rule(systems=_PEERS),
    "/oncegate.v1.ProfileService/GetProfile": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/SetProfileField": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/DeleteProfileField": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/EraseProfile": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.NoticeService/ListNotices": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.NoticeService/AcknowledgeNotice": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.ProfileService/MarkProfileField": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/GetFieldHistory": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/VerifyProfileField": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/ExportProfile": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/SubmitCorrection": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/ListMyCorrections": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ProfileService/WithdrawCorrection": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/ListConsents": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/GetConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/DraftConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/GrantConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/DenyConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/PauseConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/ResumeConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentService/WithdrawConsent": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ConsentRequestService/RequestConsent": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.ConsentRequestService/GetConsentStatus": _rule(systems=(Caller.SYSTEM,)),
    "/oncegate.v1.ExplicitRequestService/MakeExplicitRequest": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.ExplicitRequestService/ListExplicitRequests": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.SourceService/RecordVerifiedField": _rule(people=(Caller.STEWARD,)),
    "/oncegate.v1.SourceService/ListCorrections": _rule(people=(Caller.STEWARD,)),
    "/oncegate.v1.SourceService/AnswerCorrection": _rule(people=(Caller.STEWARD,)),
    "/oncegate.v1.AgreementService/SubmitStep": _rule(systems=_PEERS),
    "/oncegate.v1.AgreementService/ListProposals": _rule(systems=_PEERS),
    "/oncegate.v1.AgreementService/GetProposal": _rule(systems=_PEERS),
    "/oncegate.v1.PolicyService/ExplainDecision": _rule(people=(Caller.AUDITOR, Caller.OPERATOR, Caller.STEWARD)),
    "/oncegate.v1.PolicyService/ExplainEntry": _rule(people=(Caller.AUDITOR, Caller.STEWARD)),
    "/oncegate.v1.PolicyService/ProposeBundle": _rule(people=(Caller.OPERATOR,)),
    "/oncegate.v1.PolicyService/ApproveBundle": _rule(people=(Caller.OPERATOR, Caller.STEWARD)),
    "/oncegate.v1.PolicyService/ActivateBundle": _rule(people=(Caller.OPERATOR,)),
    "/oncegate.v1.PolicyService/RollBackBundle": _rule(people=(Caller.OPERATOR,)),
    "/oncegate.v1.PolicyService/ListBundles": _rule(people=(Caller.AUDITOR, Caller.OPERATOR, Caller.STEWARD)),
    "/oncegate.v1.PolicyService/GetBundle": _rule(people=(Caller.AUDITOR, Caller.OPERATOR, Caller.STEWARD)),
    "/oncegate.v1.EmergencyService/ListEmergencies": _rule(people=(Caller.STEWARD, Caller.AUDITOR)),
    "/oncegate.v1.EmergencyService/ReviewEmergency": _rule(people=(Caller.STEWARD,)),
    "/oncegate.v1.EmergencyService/SummariseEmergencies": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.EmergencyService/ListMyEmergencies": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.AuditService/GetCheckpoint": _rule(people=(Caller.ANYONE,)),
    "/oncegate.v1.AuditService/GetInclusionProof": _rule(people=(Caller.ANYONE,)),
    "/oncegate.v1.AuditService/GetConsistencyProof": _rule(people=(Caller.ANYONE,)),
    "/oncegate.v1.AuditService/ListEpochs": _rule(people=(Caller.ANYONE,)),
    "/oncegate.v1.AuditService/ListEntries": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/SearchEntries": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/ExportEntries": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/GetStatistics": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/ExportLog": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/GetEvidence": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/ListUnjoined": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.IdentityService/OpenIdentity": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.IdentityService/GetIdentityKey": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.RelationService/ListRelationQuestions": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.RelationService/OpenRelationParty": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.RelationService/RecordRelations": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.DetectionService/ListAlerts": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.DetectionService/GetAlert": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.DetectionService/JudgeAlert": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.DetectionService/ListListed": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.DetectionService/AddListed": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.DetectionService/RemoveListed": _rule(people=(Caller.AUDITOR,)),
    "/oncegate.v1.AuditService/ListMyAccesses": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.AuditService/GetMyAccessProof": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.AuditService/GetMyUsage": _rule(people=(Caller.CITIZEN,)),
    "/oncegate.v1.AuditService/CountHidden": _rule(people=(Caller.AUDITOR,)),
}

# Served by grpc's own packages on both doors: they tell only what is public (liveness and the .proto files).
LIBRARY_SERVICES = (
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.reflection.v1.ServerReflection/",
)
