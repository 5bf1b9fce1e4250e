"""The node's own settings: `node.toml` in its home.

Rules kept here: every mistake is found in one pass; paths are relative to the home; who the node is and where the
gateway's doors are comes from its enrolment (`home.json`), not from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nodes.errors import BadConfig, Mistake
from nodes.provider.config.consents import ConsentRules, read_consents
from nodes.provider.config.reader import Mistakes, Table, read_toml
from nodes.provider.config.resources import Offer, load_offer
from policies.purposes import PURPOSES, BadPurposes, Purposes, extended_by
from policies.resources import DEPARTMENT_PATTERN

FORMAT: Final = "oncegate.node/1"


@dataclass(frozen=True, slots=True)
class DepartmentRules:
    """What the department itself withholds, whatever the gateway or an agreement says.

    Args:
        departments: Consumers that get nothing.
        records: By resource, keys of source records that are never released.
    """

    departments: frozenset[str] = frozenset()
    records: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the node's own checks.

    Args:
        clock_offset_ms: Most by which the gateway's clock may shift the node's judgement of a ticket's expiry.
        ticket_life_ms: Longest life of a ticket that is accepted.
        request_age_ms: Most by which a request's time may differ from the node's clock.
    """

    clock_offset_ms: int = 30_000
    ticket_life_ms: int = 300_000
    request_age_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """How much a consumer department may ask about one field of one record without seeing it.

    Args:
        distinct: Distinct predicates.
        period_days: In so many days.
        per_day: Comparisons (`equals`) in a day.
    """

    distinct: int = 3
    period_days: int = 366
    per_day: int = 5


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Everything in `node.toml`.

    Args:
        resources: The resource file.
        state: The node's own database.
        agreements: Folder of accepted agreements.
        sync_every_s: Seconds between two comparisons of sources with what is published.
        rules: The department's own rules.
        limits: Bounds of the checks.
        guesses: How much may be asked about one field of one record without seeing it.
        consents: Whose word the department asks for on the basis of consent.
        purposes: The registered purposes, with those of the department's own file.
    """

    resources: Path
    state: Path
    agreements: Path
    sync_every_s: int
    rules: DepartmentRules
    limits: Limits
    guesses: GuessLimits
    consents: ConsentRules
    purposes: Purposes = PURPOSES


def load_settings(file: Path) -> NodeSettings:
    """Reads and checks `node.toml`.

    Args:
        file: The file; its folder is the home.

    Returns:
        The settings.

    Raises:
        BadConfig: With every mistake in it.
    """
    values, mistakes = read_toml(file)
    if mistakes.found:
        raise BadConfig(mistakes.in_order())
    root = Table(values, (), mistakes)
    if root.text("format", required=True) not in {FORMAT, ""}:
        root.wrong("format", f"must be {FORMAT}")
    home = file.parent
    settings = NodeSettings(
        resources=home / (root.text("resources") or "resources.toml"),
        state=home / (root.text("state") or "state/node.sqlite"),
        agreements=home / (root.text("agreements") or "agreements"),
        sync_every_s=root.number("sync_every_s", 60, least=1, most=86_400),
        rules=_rules(root.table("withhold")),
        limits=_limits(root.table("limits")),
        guesses=_guesses(root.table("predicates")),
        consents=read_consents(root.table("consent"), home),
        purposes=_purposes(root, home, mistakes),
    )
    root.close()
    if mistakes.found:
        raise BadConfig(mistakes.in_order())
    return settings


def _purposes(root: Table, home: Path, mistakes: Mistakes) -> Purposes:
    name = root.text("purposes")
    file = home / name if name else None
    try:
        return extended_by(PURPOSES, file)
    except BadPurposes as error:
        # The mistake is in that other file, so it is told with the place there.
        mistakes.found.append(Mistake(name, error.line, error.key, error.rule))
        return PURPOSES


def load_node(file: Path, department: str, environment: Mapping[str, str]) -> tuple[NodeSettings, Offer]:
    """Reads `node.toml` and the resource file that it names.

    Args:
        file: `node.toml`.
        department: The node's department.
        environment: Environment variables, for `url_env`.

    Returns:
        Settings and offer.

    Raises:
        BadConfig: With every mistake in the first file that has any, or of the rules that name no resource.
    """
    settings = load_settings(file)
    offer = load_offer(settings.resources, department, environment)
    unknown = [code for code in settings.rules.records if code not in offer.resources]
    if unknown:
        rule = "names a resource that the node does not offer"
        raise BadConfig(tuple(Mistake(file.name, None, "withhold.records", rule) for _ in unknown))
    return settings, offer


def _rules(table: Table | None) -> DepartmentRules:
    if table is None:
        return DepartmentRules()
    departments = table.texts("departments")
    if not all(DEPARTMENT_PATTERN.fullmatch(name) for name in departments):
        table.wrong("departments", "must be a list of department ids")
    records: dict[str, frozenset[str]] = {}
    inner = table.table("records")
    if inner is not None:
        records = {code: frozenset(inner.texts(code)) for code in inner.keys()}  # noqa: SIM118 - not a dict
    table.close()
    return DepartmentRules(frozenset(departments), records)


def _limits(table: Table | None) -> Limits:
    if table is None:
        return Limits()
    usual = Limits()
    limits = Limits(
        clock_offset_ms=table.number("clock_offset_ms", usual.clock_offset_ms, least=0, most=300_000),
        ticket_life_ms=table.number("ticket_life_ms", usual.ticket_life_ms, least=1_000, most=3_600_000),
        request_age_ms=table.number("request_age_ms", usual.request_age_ms, least=1_000, most=3_600_000),
    )
    table.close()
    return limits


def _guesses(table: Table | None) -> GuessLimits:
    if table is None:
        return GuessLimits()
    usual = GuessLimits()
    limits = GuessLimits(
        distinct=table.number("per_field", usual.distinct, least=1, most=16),
        period_days=table.number("days", usual.period_days, least=1, most=3_660),
        per_day=table.number("guesses_per_day", usual.per_day, least=1, most=1_000),
    )
    table.close()
    return limits
