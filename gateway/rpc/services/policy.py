"""PolicyService: explanations, and which bundle of rules is in force."""

import asyncio
import json
import re
from collections.abc import Iterable
from typing import Any, Final

from gateway.errors import bad_request
from gateway.exchange.policy_desk import BundleState, PolicyDesk
from gateway.exchange.policy_reading import PolicyReading
from gateway.rpc.callers import bearer
from gateway.rpc.explanations import explained_entry, explanation_of
from gateway.rpc.hypothesis import hypothesis_of
from oncegate.v1 import policy_pb2, policy_pb2_grpc

_MAX_INDEX: Final = 2**63 - 1
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class PolicyServicer(policy_pb2_grpc.PolicyServiceServicer):
    """Explains, and takes bundles through their steps.

    Args:
        reading: The explanations; it finds the reader in the token.
        desk: The steps; it finds who takes them in the token.
    """

    def __init__(self, reading: PolicyReading, desk: PolicyDesk) -> None:
        self._reading = reading
        self._desk = desk

    async def ExplainDecision(  # noqa: N802
        self, request: policy_pb2.ExplainDecisionRequest, context: Any
    ) -> policy_pb2.ExplainDecisionResponse:
        """See policy.proto."""
        explained = self._reading.decision(bearer(context), hypothesis_of(request))
        return policy_pb2.ExplainDecisionResponse(explanation=explanation_of(explained))

    async def ExplainEntry(  # noqa: N802
        self, request: policy_pb2.ExplainEntryRequest, context: Any
    ) -> policy_pb2.ExplainEntryResponse:
        """See policy.proto."""
        if request.leaf_index > _MAX_INDEX:
            raise bad_request("leaf_index", "must be at most 2^63 - 1")
        return explained_entry(await self._reading.entry(bearer(context), request.leaf_index))

    async def ProposeBundle(  # noqa: N802
        self, request: policy_pb2.ProposeBundleRequest, context: Any
    ) -> policy_pb2.ProposeBundleResponse:
        """See policy.proto."""
        files, tables = _files("files", request.files), _files("tables", request.tables)
        state = await self._desk.propose(bearer(context), files, tables)
        return policy_pb2.ProposeBundleResponse(bundle=_bundle(state))

    async def ApproveBundle(  # noqa: N802
        self, request: policy_pb2.ApproveBundleRequest, context: Any
    ) -> policy_pb2.ApproveBundleResponse:
        """See policy.proto."""
        state = await self._desk.approve(bearer(context), _digest(request.digest))
        return policy_pb2.ApproveBundleResponse(bundle=_bundle(state))

    async def ActivateBundle(  # noqa: N802
        self, request: policy_pb2.ActivateBundleRequest, context: Any
    ) -> policy_pb2.ActivateBundleResponse:
        """See policy.proto."""
        state = await self._desk.activate(bearer(context), _digest(request.digest))
        return policy_pb2.ActivateBundleResponse(bundle=_bundle(state))

    async def RollBackBundle(  # noqa: N802
        self, request: policy_pb2.RollBackBundleRequest, context: Any
    ) -> policy_pb2.RollBackBundleResponse:
        """See policy.proto."""
        state = await self._desk.roll_back(bearer(context), _digest(request.from_digest, "from_digest"))
        return policy_pb2.RollBackBundleResponse(bundle=_bundle(state))

    async def ListBundles(  # noqa: N802
        self, request: policy_pb2.ListBundlesRequest, context: Any
    ) -> policy_pb2.ListBundlesResponse:
        """See policy.proto."""
        del request
        states, problem = await asyncio.to_thread(self._desk.list, bearer(context))
        return policy_pb2.ListBundlesResponse(bundles=[_bundle(one) for one in states], problem=problem)

    async def GetBundle(  # noqa: N802
        self, request: policy_pb2.GetBundleRequest, context: Any
    ) -> policy_pb2.GetBundleResponse:
        """See policy.proto."""
        digest = _digest(request.digest) if request.digest else ""
        state, files = await asyncio.to_thread(self._desk.show, bearer(context), digest)
        return policy_pb2.GetBundleResponse(
            bundle=_bundle(state),
            files=[policy_pb2.BundleFile(name=name, content=files[name]) for name in sorted(files)],
        )


def _digest(text: str, path: str = "digest") -> str:
    if not _DIGEST.fullmatch(text):
        raise bad_request(path, "must be sha256: and 64 lower-case hex digits")
    return text


def _files(path: str, files: "Iterable[policy_pb2.BundleFile]") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for position, file in enumerate(files):
        if not _FILE_NAME.fullmatch(file.name) or file.name in found:
            raise bad_request(f"{path}[{position}].name", "must be a plain file name that occurs once")
        found[file.name] = file.content
    return found


def _bundle(state: BundleState) -> policy_pb2.Bundle:
    report = json.loads(state.stored.report)
    proposal, approval = state.proposal, state.approval
    return policy_pb2.Bundle(
        digest=state.stored.digest,
        state=state.state,
        proposed_unix_ms=proposal.at_ms if proposal else 0,
        proposed_by=proposal.by if proposal else "",
        approved_unix_ms=approval.at_ms if approval else 0,
        approved_by=approval.by if approval else "",
        activated_unix_ms=state.activated_ms,
        tested_rows=report["rows"],
        findings=[policy_pb2.LintFinding(**one) for one in report["findings"]],
    )
