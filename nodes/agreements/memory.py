"""What a home saw of a proposal, so that a gateway cannot show another past later, or another text than the one shown.

One file per proposal in the home's folder `proposals`: how many steps there were, the digest of the newest, and the
digest of the text that was last shown to a person.

Which way it fails: closed. A proposal that lost steps, or whose past changed, is not used; a text that was not shown to
anyone here is not approved. A damaged file is an error and never an empty memory.
"""

import json
from dataclasses import dataclass

from nodes.agreements.chain import VerifiedProposal
from nodes.agreements.errors import ProposalUntrusted
from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.enrolment.private_files import PUBLIC, make_folder, read_public, write_whole

FORMAT = "oncegate.seen-proposal/1"
FOLDER = "proposals"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen.

    Args:
        steps: How many steps there were.
        digest: Digest of the newest, hexadecimal.
        shown: Digest of the text that was last shown to a person, hexadecimal; empty when none was.
    """

    steps: int
    digest: str
    shown: str


class Memory:
    """Remembers proposals in a home.

    Args:
        home: The home.
    """

    def __init__(self, home: Home) -> None:
        self._folder = home.path / FOLDER

    def check(self, proposal: VerifiedProposal) -> None:
        """Compares a proposal with what was seen of it, and remembers it.

        Args:
            proposal: Verified.

        Raises:
            ProposalUntrusted: It lost steps, or a step that was seen is another one now.
            HomeInvalid: The memory is damaged.
        """
        seen = self.read(proposal.id)
        if seen is not None:
            if len(proposal.steps) < seen.steps:
                raise ProposalUntrusted(f"it has fewer steps than the {seen.steps} that were seen")
            if proposal.received[seen.steps - 1].signed.digest.hex() != seen.digest:
                raise ProposalUntrusted("its past is another one than was seen")
        self._write(proposal, "" if seen is None else seen.shown)

    def show(self, proposal: VerifiedProposal) -> None:
        """Remembers that the text which is talked about is being shown to a person.

        Args:
            proposal: Verified and checked.
        """
        self._write(proposal, proposal.history.current.digest.hex())

    def was_shown(self, proposal_id: str, digest: bytes) -> bool:
        """Whether exactly this text was the last one shown to a person here.

        Args:
            proposal_id: Which proposal.
            digest: Of the text.
        """
        seen = self.read(proposal_id)
        return seen is not None and seen.shown == digest.hex()

    def read(self, proposal_id: str) -> Seen | None:
        """What was seen of a proposal; None when nothing was.

        Raises:
            HomeInvalid: The memory is damaged.
        """
        path = self._folder / f"{proposal_id}.json"
        if not path.exists():
            return None
        try:
            body = json.loads(read_public(path))
            seen = Seen(body["steps"], body["digest"], body["shown"])
            sound = body["format"] == FORMAT and type(seen.steps) is int and seen.steps > 0
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise HomeInvalid(f"{FOLDER}/{path.name}", "is damaged")
        return seen

    def _write(self, proposal: VerifiedProposal, shown: str) -> None:
        make_folder(self._folder)
        body = {"format": FORMAT, "steps": len(proposal.steps), "digest": proposal.digest.hex(), "shown": shown}
        write_whole(self._folder / f"{proposal.id}.json", json.dumps(body, indent=2).encode() + b"\n", PUBLIC)
