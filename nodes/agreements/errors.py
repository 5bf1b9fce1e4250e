"""What is wrong with a proposal that a gateway shows: a security event, not a mistake of the caller."""

from nodes.errors import NodeError, PublicText

CODE = "PROPOSAL_UNTRUSTED"
TEXT = PublicText("网关出示的协议记录未通过验证", "What the gateway shows of the proposal does not verify")


class ProposalUntrusted(NodeError):
    """A proposal is not what its parties said, or not what this home saw of it before. Nothing is done with it.

    Args:
        rule: What does not hold.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(CODE, TEXT.zh, TEXT.en, rule)
