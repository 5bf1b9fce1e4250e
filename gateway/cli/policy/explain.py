"""`oncegate policy explain`: how a question would be decided, or why a recorded one was.

The operator asks beside the gateway (`--home`), auditors and stewards at its people's door (`--gateway`).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import grpc
import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson
from gateway.cli.output import EXIT_USAGE, command, emit, fail, say
from gateway.cli.policy.question import read_question, request_of
from oncegate.v1 import policy_pb2, policy_pb2_grpc

if TYPE_CHECKING:
    from gateway.exchange.explain import ExplainedEntry

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
    home: HomeOption = None,
    gateway: AddressOption = "",
    ca: CaOption = None,
    token_file: TokenOption = None,
    as_json: AsJson = False,
) -> None:
    """Explain how a question would be decided now, or why a recorded one was decided as it was and what differs now.

    Nobody is asked and nothing is counted. Reading a recorded decision is logged.
    """
    if entry is not None:
        _entry(entry, home, gateway, ca, token_file, as_json=as_json)
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
    }
    if question is not None:
        asked |= read_question(question)
    if home is not None and not gateway:
        _explain_offline(home, asked, as_json=as_json)
        return
    with _channel(gateway, ca, token_file) as (stub, metadata):
        response = stub.ExplainDecision(request_of(asked), metadata=metadata, timeout=DEADLINE_S)
    emit(json.loads(response.explanation.document), as_json=as_json, human=lambda: _said(response.explanation))


def _entry(
    entry: int, home: Path | None, gateway: str, ca: Path | None, token_file: Path | None, *, as_json: bool
) -> None:
    if home is not None and not gateway:
        document, human = _entry_offline(home, entry)
        emit(document, as_json=as_json, human=human)
        return
    with _channel(gateway, ca, token_file) as (stub, metadata):
        request = policy_pb2.ExplainEntryRequest(leaf_index=entry)
        response = stub.ExplainEntry(request, metadata=metadata, timeout=DEADLINE_S)
    emit(
        {
            "entry": response.leaf_index,
            "outcome": response.outcome,
            "explanation": json.loads(response.explanation.document),
            "today": {
                "same": response.same_today,
                "differences_zh": list(response.differences_zh),
                "differences_en": list(response.differences_en),
                "explanation": json.loads(response.today.document),
            },
        },
        as_json=as_json,
        human=lambda: _told(
            response.leaf_index,
            response.outcome,
            (list(response.explanation.zh), list(response.explanation.en)),
            (list(response.differences_zh), list(response.differences_en)),
            same=response.same_today,
        ),
    )


def _explain_offline(home: Path, asked: dict[str, Any], *, as_json: bool) -> None:
    from gateway.bootstrap.policy import policy_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.rpc.hypothesis import hypothesis_of  # noqa: PLC0415 - see gateway.cli.offline
    from policies.explain import document, sentences  # noqa: PLC0415 - see gateway.cli.offline

    hypothesis = hypothesis_of(request_of(asked))
    with open_offline(home) as offline:
        explained = policy_of(offline).explain.hypothetical(hypothesis)

    def human() -> None:
        for language in ("zh", "en"):
            for sentence in sentences(explained, language):
                say(sentence)

    emit(document(explained), as_json=as_json, human=human)


def _entry_offline(home: Path, entry: int) -> "tuple[dict[str, Any], Any]":
    from gateway.audit.entries import EntryDraft  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.policy import policy_of  # noqa: PLC0415 - see gateway.cli.offline
    from policies.explain import document, sentences  # noqa: PLC0415 - see gateway.cli.offline
    from policies.explain.compare import same_decision  # noqa: PLC0415 - see gateway.cli.offline
    from policies.explain.sentences import difference_sentence  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        # Before anything is shown, as at the door.
        offline.ledger.append_blocking(
            EntryDraft(kind="log_read", accountability={"by": "operator", "what": "explain", "entry": str(entry)})
        )
        found: ExplainedEntry = policy_of(offline).explain.entry(entry)
    same = same_decision(found.differences)
    told = tuple([difference_sentence(one, language) for one in found.differences] for language in ("zh", "en"))
    content = {
        "entry": found.index,
        "outcome": found.outcome,
        "explanation": document(found.then),
        "today": {
            "same": same,
            "differences_zh": told[0],
            "differences_en": told[1],
            "explanation": document(found.now),
        },
    }
    said = (list(sentences(found.then, "zh")), list(sentences(found.then, "en")))
    return content, lambda: _told(found.index, found.outcome, said, (told[0], told[1]), same=same)


def _said(explanation: policy_pb2.Explanation) -> None:
    for sentence in (*explanation.zh, *explanation.en):
        say(sentence)


def _told(
    index: int,
    outcome: str,
    said: tuple[list[str], list[str]],
    differences: tuple[list[str], list[str]],
    *,
    same: bool,
) -> None:
    closing = {
        True: ("今天重新判断，结果相同。", "Decided again today, the outcome is the same."),
        False: ("今天重新判断，结果不同：", "Decided again today, the outcome differs:"),
    }[same]
    for language in (0, 1):
        say(f"#{index} {outcome or '…'}")
        for sentence in said[language]:
            say(sentence)
        say(closing[language])
        for difference in differences[language]:
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
