"""Wires the comparison of a person's field with a register, for which the gateway itself asks."""

from gateway.bootstrap.offline import Offline
from gateway.bootstrap.vault_identity import asking_identity
from gateway.exchange.citizen import Citizens
from gateway.exchange.compare import AskRegister, OwnQuestions
from gateway.exchange.ports import WireCodec
from gateway.exchange.record import Record
from gateway.exchange.verify_field import VerifyField
from gateway.vault.profile import Vault


def verify_field(
    offline: Offline, citizens: Citizens, vault: Vault, questions: OwnQuestions, record: Record, codec: WireCodec
) -> VerifyField:
    """The use case, over the registers of the catalogue."""
    register = AskRegister(questions, offline.catalog, asking_identity(offline), codec, offline.clock)
    per_day = offline.settings.limits.profile_comparisons_per_day
    return VerifyField(citizens, vault, register, record, per_day)
