"""docs/api.md names every RPC with its door and callers, every error code with its texts, and every signed body."""

import keys.signing
from gateway.errors import PUBLIC
from gateway.rpc.access import RULES
from gateway.rpc.codec import MAX_BODY, MAX_ITEMS
from keys.key_certificates import _KEYS, FORMAT
from tests.unit.docs.pages import code_spans, read, section, table

TEXT = read("docs/api.md")


def test_every_rpc_is_listed_with_its_doors_and_callers() -> None:
    documented = {
        (f"/oncegate.v1.{rpc}", door, caller)
        for rpc, door, callers, _ in table(TEXT, "RPC | door")
        for caller in callers.split(", ")
    }
    rules = {
        (rpc, str(door), str(caller))
        for rpc, rule in RULES.items()
        for door, callers in rule.doors.items()
        for caller in callers
    }
    assert documented == rules


def test_every_kind_of_caller_is_explained() -> None:
    explained = {caller for row in table(TEXT, "caller | shows") for caller in row[0].split(", ")}
    served = {str(caller) for rule in RULES.values() for callers in rule.doors.values() for caller in callers}
    assert explained == served


def test_every_error_code_is_listed_with_its_status_and_texts() -> None:
    documented = [tuple(row[:4]) for row in table(TEXT, "code | status")]
    assert documented == [(str(code), str(entry.status), entry.zh, entry.en) for code, entry in PUBLIC.items()]


def test_every_signature_context_is_listed() -> None:
    contexts = {
        value for name, value in vars(keys.signing).items() if name.isupper() and str(value).startswith("oncegate/v1/")
    }
    assert {row[0] for row in table(TEXT, "context | signed by")} == contexts


def test_every_entry_of_a_key_certificate_is_listed() -> None:
    rows = table(TEXT, "entry | content")
    assert {row[0] for row in rows} == _KEYS
    assert [row[1] for row in rows if row[0] == "format"] == [FORMAT]


def test_the_limits_of_a_request_are_the_ones_of_the_code() -> None:
    assert f"body {MAX_BODY // 1024} KiB" in TEXT
    assert f"{MAX_ITEMS} items" in TEXT


def test_the_reasons_are_linked_to_where_they_are_listed() -> None:
    assert "(policies.md#reasons)" in section(TEXT, "Reasons")
    assert "\n## Reasons\n" in read("docs/policies.md")


def test_the_commands_for_other_tools_name_rpcs_that_are_served() -> None:
    shown = section(TEXT, "Calling it from another tool")
    called = [word for word in shown.split() if "/oncegate.v1." in word]
    assert called
    for word in called:
        assert "/" + word.split("/", 3)[3] in RULES
    assert "nodes/consumer" in code_spans(shown)
