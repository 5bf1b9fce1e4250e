"""`oncegate policy explain`: how a question would be decided, or why a recorded one was.

The operator asks beside the gateway (`--home`), auditors and stewards at its people's door (`--gateway`).
"""

import json
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson
from gateway.cli.output import EXIT_USAGE, command, emit, fail, say
from gateway.cli.policy.question import read_question, request_of
from oncegate.v1 import policy_pb2, policy_pb2_grpc

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="ONCEGATE_HOME", help="The gateway's home folder: for the operator.", file_okay=False
    ),
]
AddressOption = Annotated[
    str, typer.Option("--gateway", envvar="ONCEGATE_GATEWAY", help="host:port of the gateway's door for people.")
]
CaOption = Annotated[
    Path | None,
    typer.Option("--ca", envvar="ONCEGATE_CA", help="The gateway's CA certificate (PEM).", dir_okay=False),
]
TokenOption = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="ONCEGATE_TOKEN_FILE", help="File with your OIDC token.", dir_okay=False),
]


@command
def explain(  # noqa: PLR0917 - each is an option
    context: typer.Context,
    entry: Annotated[
        int | None,
        typer.Argument(min=0, help="Index of an entry of the access log; without it, the options' question."),
    ] = None,
    question: Annotated[
        Path | None,
        typer.Option("--question", help="JSON file with the question, instead of the options.", dir_okay=False),
    ] = None,
    consumer: Annotated[str, typer.Option("--consumer", help="Department that asks.")] = "",
    system: Annotated[str, typer.Option("--system", help="Name of its system.")] = "",
    item: Annotated[
        list[str] | None,
        typer.Option("--item", help="RESOURCE:FIELD=FORM, or =predicate(NAME); a ? behind it: optional. Repeat."),
    ] = None,
    purpose: Annotated[str, typer.Option("--purpose", help="Purpose code.")] = "",
    basis: Annotated[str, typer.Option("--basis", help="mandate, explicit_request or consent.")] = "mandate",
    scheme: Annotated[str, typer.Option("--scheme", help="Kind of identifier.")] = "cn.resident-id",
    case: Annotated[bool, typer.Option("--case", help="A case reference is stated.")] = False,
    official: Annotated[bool, typer.Option("--official", help="An official is identified.")] = False,
    consent: Annotated[bool, typer.Option("--consent", help="A valid consent was verified.")] = False,
    emergency: Annotated[str, typer.Option("--emergency", help="Reason of a declared emergency.")] = "",
    service: Annotated[str, typer.Option("--service", help="Code of the service item that is named.")] = "",
    home: HomeOption = None,
    gateway: AddressOption = "",
    ca: CaOption = None,
    token_file: TokenOption = None,
    as_json: AsJson = False,
) -> None:
    """Explain how a question would be decided now, or why a recorded one was decided as it was and what differs now.

    Nobody is asked and nothing is counted. Reading a recorded decision is logged.
    """
    # An operator's --home counts before a door that the environment names; a token is for the door.
    at_home = home if home is not None and (token_file is None or _typed(context, "home")) else None
    if entry is not None:
        response = _entry_at_home(at_home, entry) if at_home else _entry_at_door(entry, gateway, ca, token_file)
        emit(_entry_json(response), as_json=as_json, human=lambda: _told(response))
        return
    asked: dict[str, Any] = {
        "consumer": consumer,
        "system": system,
        "items": item or [],
        "purpose": purpose,
        "legal_basis": basis,
        "scheme": scheme,
        "case_present": case,
        "official_present": official,
        "consent_present": consent,
        "emergency": emergency,
        "service": service,
    }
    if question is not None:
        asked |= read_question(question)
    explanation = _asked_at_home(at_home, asked) if at_home else _asked_at_door(asked, gateway, ca, token_file)
    emit(json.loads(explanation.document), as_json=as_json, human=lambda: _said(explanation))


def _typed(context: typer.Context, name: str) -> bool:
    """Whether an option was typed, and does not come from the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _asked_at_door(
    asked: dict[str, Any], gateway: str, ca: Path | None, token_file: Path | None
) -> policy_pb2.Explanation:
    with _channel(gateway, ca, token_file) as (stub, metadata):
        response = stub.ExplainDecision(request_of(asked), metadata=metadata, timeout=DEADLINE_S)
    explanation: policy_pb2.Explanation = response.explanation
    return explanation


def _asked_at_home(home: Path, asked: dict[str, Any]) -> policy_pb2.Explanation:
    from gateway.bootstrap.policy import policy_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.rpc.explanations import explanation_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.rpc.hypothesis import hypothesis_of  # noqa: PLC0415 - see gateway.cli.offline

    hypothesis = hypothesis_of(request_of(asked))
    with open_offline(home) as offline:
        return explanation_of(policy_of(offline).explain.hypothetical(hypothesis))


def _entry_at_door(
    entry: int, gateway: str, ca: Path | None, token_file: Path | None
) -> policy_pb2.ExplainEntryResponse:
    with _channel(gateway, ca, token_file) as (stub, metadata):
        request = policy_pb2.ExplainEntryRequest(leaf_index=entry)
        response: policy_pb2.ExplainEntryResponse = stub.ExplainEntry(request, metadata=metadata, timeout=DEADLINE_S)
    return response


def _entry_at_home(home: Path, entry: int) -> policy_pb2.ExplainEntryResponse:
    from gateway.audit.entries import EntryDraft  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.policy import policy_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.rpc.explanations import explained_entry  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        # Before anything is shown, as at the door.
        offline.ledger.append_blocking(
            EntryDraft(kind="log_read", accountability={"by": "operator", "what": "explain", "entry": str(entry)})
        )
        return explained_entry(policy_of(offline).explain.entry(entry))


def _entry_json(response: policy_pb2.ExplainEntryResponse) -> dict[str, Any]:
    today = None
    if response.HasField("today"):
        today = {
            "same": response.same_today,
            "differences_zh": list(response.differences_zh),
            "differences_en": list(response.differences_en),
            "explanation": json.loads(response.today.document),
        }
    return {
        "entry": response.leaf_index,
        "outcome": response.outcome,
        "explanation": json.loads(response.explanation.document),
        "today": today,
    }


def _said(explanation: policy_pb2.Explanation) -> None:
    for sentence in (*explanation.zh, *explanation.en):
        say(sentence)


def _told(response: policy_pb2.ExplainEntryResponse) -> None:
    said, same = response.explanation, response.same_today
    for sentences, differences, closing in (
        (said.zh, response.differences_zh, "今天重新判断，结果相同。" if same else "今天重新判断，结果不同："),
        (
            said.en,
            response.differences_en,
            f"Decided again today, the outcome {'is the same.' if same else 'differs:'}",
        ),
    ):
        say(f"#{response.leaf_index} {response.outcome or '…'}")
        for sentence in sentences:
            say(sentence)
        if response.HasField("today"):
            say(closing)
        for difference in differences:
            say(f"  {difference}")


class _channel:  # noqa: N801 - used like a function
    """A stub at the people's door with the caller's token; what is missing is said like any wrong usage."""

    def __init__(self, gateway: str, ca: Path | None, token_file: Path | None) -> None:
        if not gateway or ca is None or token_file is None:
            fail("give --home, or --gateway with --ca and --token-file", EXIT_USAGE)
        self._metadata = bearer_metadata(token_file)
        self._opened = people_channel(gateway, ca)

    def __enter__(self) -> tuple[policy_pb2_grpc.PolicyServiceStub, Any]:
        channel: grpc.Channel = self._opened.__enter__()
        return policy_pb2_grpc.PolicyServiceStub(channel), self._metadata

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)  # type: ignore[arg-type]
