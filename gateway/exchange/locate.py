"""Which resources hold a record about the subject: decided and recorded like a fetch, answered from the index alone.

The result is sealed to the asking system like any answer, so that nothing between gateway and system can read it.
"""

from gateway.errors import Refused, bad_request
from gateway.exchange.decide import Decide, Plan, refusal
from gateway.exchange.identify import Identify, IdentifySubject, Subject, claimed
from gateway.exchange.model import Call, Located, LocatedResource
from gateway.exchange.ports import WireCodec
from gateway.exchange.record import Record
from gateway.index.model import Found
from gateway.index.pointer_index import PointerIndex
from keys.sealing import answer_info
from keys.signing import digest
from policies.vocabulary import Form

LOCATE_RESOURCE = "oncegate.locate"
RECORD_FIELD = "record"


class Locate:
    """Carries out locates.

    Args:
        identify: Verifies the caller.
        subjects: Normalises and tokenises.
        decide: Policy; only the form `exists` on the field "record" can be located.
        record: The ledger's entries.
        index: Who holds a record.
        codec: Encodings.
    """

    def __init__(
        self,
        identify: Identify,
        subjects: IdentifySubject,
        decide: Decide,
        record: Record,
        index: PointerIndex,
        codec: WireCodec,
    ) -> None:
        self._identify = identify
        self._subjects = subjects
        self._decide = decide
        self._record = record
        self._index = index
        self._codec = codec

    async def __call__(self, call: Call) -> Located:
        """Decide, record, look up, seal.

        Raises:
            Refused: With its reason; recorded first when the peer is known.
        """
        try:
            peer = self._identify.system(call.certificate)
        except Refused as error:
            await self._record.refused(claimed(call.certificate), None, error)
            raise
        known = {"department": peer.department, "system": str(peer.spiffe)}
        subject: Subject | None = None
        try:
            caller = self._identify.caller(call, peer)
            await self._identify.sealed(caller)
            known = Record.known(caller)
            self._record.require_cosigned()
            if caller.request.emergency is not None:
                raise bad_request("emergency", "is for a fetch only")
            for position, item in enumerate(caller.request.items):
                if item.field != RECORD_FIELD or item.form is not Form.EXISTS:
                    raise bad_request(f"items[{position}]", 'a locate asks for the field "record" in the form exists')
            subject = await self._subjects(call, caller.request)
            plan = self._decide(caller, subject)
            refused = refusal(plan)
            if refused is not None:
                known = Record.known(caller, plan)
                raise refused
            asked = await self._record.asked(caller, subject, plan)
        except Refused as error:
            await self._record.refused(known, subject, error)
            raise
        located, items = self._look_up(subject, plan)
        # There is no ticket: the request's digest stands in its place in the HPKE info.
        info = answer_info(caller.request_digest, caller.request_digest, LOCATE_RESOURCE)
        sealed = caller.recipient.seal(self._codec.located(located), info)
        try:
            self._identify.still_good(caller.peer)
            self._decide.unchanged(plan)
        except Refused as error:
            await self._record.refused_after_asked(caller, subject, asked, error, items)
            raise
        # No node answers, so there is no receipt: what the system receives is named by its own digest.
        received = [{"resource": LOCATE_RESOURCE, "sealed": digest(sealed).hex()}]
        outcome = await self._record.released(caller, subject, asked, items, received)
        return Located(caller.request.request_id, sealed, plan.withheld, asked.promise, outcome.promise)

    def _look_up(self, subject: Subject, plan: Plan) -> tuple[list[LocatedResource], list[dict[str, str]]]:
        """What the index says of each permitted resource, and the same for the ledger."""
        located: list[LocatedResource] = []
        items: list[dict[str, str]] = []
        for part in plan.permitted:
            code = part.entry.resource.code
            found = None if part.entry.resource.unlisted else self._index.find(code, subject.tokens)
            exists = isinstance(found, Found)
            located.append(LocatedResource(code, exists, found.updated_ms if isinstance(found, Found) else 0))
            outcome = "released" if exists else "no_record"
            items.append({"resource": code, "field": RECORD_FIELD, "form": str(Form.EXISTS), "outcome": outcome})
        return located, items
