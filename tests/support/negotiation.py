"""Two departments that negotiate an agreement through a gateway's use case, over a real database and a real ledger."""

from copy import copy
from dataclasses import dataclass, field
from typing import Any

from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.exchange.negotiate import Negotiate
from gateway.settings import AgreementSettings
from gateway.sharing.agreements import Agreements
from gateway.sharing.proposals import Proposal, Proposals
from keys.agreement_steps import SignedStep, Step, sign_step
from keys.signing import AGREEMENT, SigningKey, digest
from policies.purposes import PURPOSES
from policies.resources import ResourceDescription
from tests.support.ledgers import make_ledger
from tests.support.parties import Department, Registry, agreement_text, description

ID = "0123456789abcdef" * 2
LAW = "数据安全法第三十八条"


@dataclass
class Negotiation:
    """Civil provides, housing consumes, tax has nothing to do with it.

    Args:
        registry: The register of members.
        settings: Periods and calendar.
    """

    registry: Registry
    settings: AgreementSettings = field(default_factory=AgreementSettings)

    def __post_init__(self) -> None:
        registry = self.registry
        self.civil, self.housing, self.tax = (registry.add(name) for name in ("civil", "housing", "tax"))
        self.certificates = {
            department.id: registry.enrol(department, "desk").leaf.certificate_pem
            for department in (self.civil, self.housing, self.tax)
        }
        self.resources: dict[str, ResourceDescription] = {
            "civil.resident": description("civil.resident", "civil"),
            "tax.payer": description("tax.payer", "tax"),
        }
        self.ledger: SqlLedger = make_ledger(registry.engine, registry.clock)  # type: ignore[arg-type]
        self.ledger.start()
        self.open(registry)

    def open(self, registry: Registry) -> None:
        """Wire the use case on a register: this one, or the same from another process."""
        self.agreements = Agreements(
            registry.engine, registry.departments, registry.clock, self._provider_of, self.resources.get
        )
        self.proposals = Proposals(registry.engine, self.agreements, self.settings, registry.clock)
        self.negotiate = Negotiate(
            registry.peers,
            registry.departments,
            self.resources.get,
            self.agreements,
            self.proposals,
            self.ledger,
            registry.clock,
            PURPOSES,
        )

    def replica(self) -> "Negotiation":
        """The same departments and database behind another gateway."""
        other = copy(self)
        other.registry = self.registry.elsewhere()
        other.ledger = make_ledger(other.registry.engine, other.registry.clock)  # type: ignore[arg-type]
        other.ledger.start()
        other.open(other.registry)
        return other

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.stop()

    def _provider_of(self, code: str) -> str | None:
        found = self.resources.get(code)
        return None if found is None else found.provider

    def text(self, more: str = "", **changes: object) -> bytes:
        """An agreement text between the two."""
        return more.encode() + agreement_text(self.civil, self.housing, **changes)

    def step(
        self,
        who: Department,
        act: str,
        *,
        text: bytes = b"",
        proposal: str = ID,
        key: SigningKey | None = None,
        **changes: Any,
    ) -> SignedStep:
        """The next step of a proposal, signed."""
        chain = self.proposals.chain(proposal)
        number = 1 if chain is None else len(chain.steps) + 1
        values: dict[str, Any] = {
            "proposal": proposal,
            "number": number,
            "previous": b"" if chain is None else chain.kept[-1].signed.digest,
            "department": who.id,
            "act": act,
            "text": digest(text) if text else b"",
            "reason": "因办理业务需要",
            "law": LAW if act == "refuse" else "",
            "time_ms": self.registry.clock.now_ms(),
            **changes,
        }
        return sign_step(key or who.key, Step(**values))

    async def say(self, who: Department, act: str, *, text: bytes = b"", **changes: Any) -> Proposal:
        """Make the next step and bring it."""
        signed = self.step(who, act, text=text, **changes)
        return await self.bring(who, act, signed, text)

    async def bring(self, who: Department, act: str, signed: SignedStep, text: bytes = b"") -> Proposal:
        """Bring a step as a member of its department does."""
        brought = text if act in {"propose", "narrow", "revise"} else b""
        approval = who.key.sign(AGREEMENT, text) if act == "approve" else b""
        return await self.negotiate.submit(self.certificates[who.id], signed, brought, approval)

    async def approved(self) -> bytes:
        """A proposal that was approved; its text."""
        text = self.text()
        await self.say(self.housing, "propose", text=text)
        await self.say(self.civil, "approve", text=text)
        return text

    def entries(self, kind: str = "agreement_step") -> list[LogEntry]:
        """Entries of the ledger, oldest first."""
        return list(reversed(self.ledger.entries(kind=kind, limit=50).entries))
