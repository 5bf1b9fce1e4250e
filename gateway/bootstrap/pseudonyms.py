"""Changes of pseudonyms for the operator's commands, wired beside a running gateway or alone."""

from gateway.bootstrap.offline import Offline
from gateway.exchange.rotate_pseudonyms import RotatePseudonyms
from gateway.vault.pseudonyms import Pseudonyms


def pseudonyms_of(offline: Offline) -> Pseudonyms:
    """Generations and pseudonyms of a gateway."""
    return Pseudonyms(offline.engine, offline.secrets.live, offline.clock)


def rotation_of_pseudonyms(offline: Offline) -> RotatePseudonyms:
    """Announces changes, with the notice that the settings ask for."""
    notice = offline.settings.vault.pseudonym_notice_days
    return RotatePseudonyms(pseudonyms_of(offline), offline.departments, offline.ledger, offline.clock, notice)
