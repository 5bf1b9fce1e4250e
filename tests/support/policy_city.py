"""A city with two operators, stewards and an auditor, and what they do about rules."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from oncegate.v1 import policy_pb2
from policies.engine.bundle import PACKAGED, read_files
from tests.support.city import City, running_city
from tests.support.doors import Door, bearer
from tests.support.stewards import STEWARDS

OPERATORS = "https://operators.test"
NO_TAX = (
    '@id("no-tax") @title_zh("不用于税务") @title_en("Never for taxes") @scope("purpose=tax_assessment")\n'
    'forbid (principal, action, resource) when { context.purpose == Purpose::"tax_assessment" };\n'
)
NO_YEAR = (
    '@id("no-year") @title_zh("不提供年份") @title_en("Never a year") @scope("form=year")\n'
    'forbid (principal, action, resource) when { context.form == Form::"year" };\n'
)
NO_SCHOOL = (
    '@id("no-school") @title_zh("暂停入学") @title_en("No enrolment for now") @scope("purpose=school_enrolment")\n'
    'forbid (principal, action, resource) when { context.purpose == Purpose::"school_enrolment" };\n'
)


@asynccontextmanager
async def policy_city(folder: Path) -> AsyncIterator[City]:
    """The standard city with stewards of civil, housing and education, and an issuer of operators."""
    settings = (
        f'\n[[issuers]]\nissuer = "{OPERATORS}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
        'roles = { operator = "operator" }\n'
    )
    for department in ("civil", "housing", "education"):
        settings += (
            f'\n[[issuers]]\nissuer = "{STEWARDS[department]}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
            f'roles = {{ steward = "steward" }}\ndepartment = "{department}"\n'
        )
    async with running_city(folder, settings=settings) as running:
        yield running


def operator(city: City, name: str = "ada") -> Any:
    """Metadata of an operator."""
    return bearer(city.token(name, roles=["operator"], issuer=OPERATORS))


def auditor(city: City) -> Any:
    """Metadata of an auditor."""
    return bearer(city.token("auditor", roles=["auditor"]))


def with_rule(*rules: str) -> dict[str, bytes]:
    """The packaged bundle with rules of one's own."""
    return {**read_files(PACKAGED), "own.cedar": "\n".join(rules).encode()}


def proposal(files: Mapping[str, bytes], tables: Mapping[str, bytes] | None = None) -> policy_pb2.ProposeBundleRequest:
    """A request that proposes a bundle."""
    return policy_pb2.ProposeBundleRequest(
        files=[policy_pb2.BundleFile(name=name, content=raw) for name, raw in files.items()],
        tables=[policy_pb2.BundleFile(name=name, content=raw) for name, raw in (tables or {}).items()],
    )


async def propose(city: City, people: Door, files: Mapping[str, bytes], who: str = "ada", **more: Any) -> Any:
    """Propose a bundle."""
    response = await people.policy.ProposeBundle(proposal(files, **more), metadata=operator(city, who))
    return response.bundle


async def approve(city: City, people: Door, digest: str, who: str = "grace") -> Any:
    """Approve a bundle."""
    request = policy_pb2.ApproveBundleRequest(digest=digest)
    return (await people.policy.ApproveBundle(request, metadata=operator(city, who))).bundle


async def activate(city: City, people: Door, digest: str, who: str = "ada") -> Any:
    """Activate a bundle."""
    request = policy_pb2.ActivateBundleRequest(digest=digest)
    return (await people.policy.ActivateBundle(request, metadata=operator(city, who))).bundle


async def put_in_force(city: City, people: Door, files: Mapping[str, bytes]) -> str:
    """Take a bundle through all three steps.

    Returns:
        Its digest.
    """
    proposed = await propose(city, people, files)
    await approve(city, people, proposed.digest)
    return str((await activate(city, people, proposed.digest)).digest)


async def roll_back(city: City, people: Door, digest: str, who: str = "ada") -> Any:
    """Go back from a bundle."""
    request = policy_pb2.RollBackBundleRequest(from_digest=digest)
    return (await people.policy.RollBackBundle(request, metadata=operator(city, who))).bundle


async def in_force(city: City, people: Door) -> str:
    """Digest of the bundle in force."""
    response = await people.policy.GetBundle(policy_pb2.GetBundleRequest(), metadata=operator(city))
    return str(response.bundle.digest)
