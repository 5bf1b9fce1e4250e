"""How long entries of the access log are kept, out of the settings."""

from typing import Final

from gateway.audit.kinds import Kind
from gateway.audit.retention.rule import LONGEST_MONTHS, BadRule, Rule
from gateway.settings import BadSettings, Settings

_MONTH_DAYS: Final = 31


def rule_of(settings: Settings) -> Rule:
    """How long entries are kept.

    Raises:
        BadSettings: A kind is unknown, kept always anyway, or kept for less than the others.
    """
    said = settings.retention
    # A sealed identity is of use as long as the last entry that came before it was sealed anew.
    sealed = min(LONGEST_MONTHS, said.months + -(-settings.identities.sealed_again_days // _MONTH_DAYS))
    kinds = {str(Kind.IDENTITY_SEALED): sealed, **said.kinds}
    try:
        return Rule(said.months, kinds, said.law)
    except BadRule as error:
        raise BadSettings(f"retention: {error}") from None
