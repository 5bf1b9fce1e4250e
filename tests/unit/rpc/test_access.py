"""The access table is total over the descriptors, and an RPC without a rule is refused."""

from gateway.rpc.access import RULES, Caller, Door
from oncegate.v1 import (
    agreement_pb2,
    audit_pb2,
    catalog_pb2,
    consent_pb2,
    detection_pb2,
    emergency_pb2,
    enrolment_pb2,
    exchange_pb2,
    explicit_request_pb2,
    identity_pb2,
    node_link_pb2,
    notice_pb2,
    policy_pb2,
    profile_pb2,
    relation_pb2,
    source_pb2,
)

FILES = (
    agreement_pb2,
    audit_pb2,
    catalog_pb2,
    consent_pb2,
    detection_pb2,
    emergency_pb2,
    enrolment_pb2,
    exchange_pb2,
    explicit_request_pb2,
    identity_pb2,
    node_link_pb2,
    notice_pb2,
    policy_pb2,
    profile_pb2,
    relation_pb2,
    source_pb2,
)


def every_rpc() -> set[str]:
    return {
        f"/{service.full_name}/{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def test_every_rpc_has_a_rule_and_every_rule_an_rpc() -> None:
    assert set(RULES) == every_rpc()


def test_what_needs_a_certificate_is_never_served_at_the_peoples_door() -> None:
    for method, rule in RULES.items():
        callers = rule.doors.get(Door.PEOPLE, frozenset())
        assert not callers & {Caller.NODE, Caller.SYSTEM}, method


def test_what_needs_a_persons_token_is_never_served_at_the_systems_door() -> None:
    for method, rule in RULES.items():
        callers = rule.doors.get(Door.SYSTEMS, frozenset())
        assert callers <= {Caller.NODE, Caller.SYSTEM}, method
