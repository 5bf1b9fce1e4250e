"""The issuers of people's tokens, out of the settings."""

from gateway.identity.issuers import Binding, Issuer
from gateway.settings import Settings


def configured_issuers(settings: Settings) -> tuple[Issuer, ...]:
    """The configured issuers with their paths made absolute."""
    return tuple(
        Issuer(
            issuer=each.issuer,
            jwks_file=settings.path(each.jwks_file),
            audience=each.audience,
            algorithms=each.algorithms,
            identifier_claim=each.identifier_claim,
            scheme=each.scheme,
            role_claim=each.role_claim,
            roles=each.roles,
            default_role=each.default_role,
            max_age_s=each.max_age_s,
            minimum_acr={str(role): accepted for role, accepted in each.minimum_acr.items()},
            department=each.department,
            binding=Binding(each.binding),
            relations_claim=each.relations_claim,
        )
        for each in settings.issuers
    )
