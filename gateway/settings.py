"""The gateway's settings: one TOML file in its home folder, overridden by ONCEGATE_… environment variables.

Rules kept here: every value is validated before anything starts, an unknown key is an error, and no secret is a
setting (secrets live in the keyring; the settings only say where the passphrase comes from).
"""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.detection_settings import DetectionSettings
from gateway.setting_sections import Retention, Witnesses
from gateway.setting_sections import Section as _Section
from keys.blind_index import NoPlan, plan
from keys.errors import BadEpoch
from keys.log.custodians import Custodians
from policies.agreements.due import LONGEST_DAYS

FILE_NAME = "gateway.toml"
# Written once a second by a running gateway, read by `oncegate status`.
STATUS_FILE = "status.json"
SuiteName = Literal["aes", "sm4"]
SearchableField = Literal["email", "phone"]
RoleName = Literal["citizen", "officer", "steward", "auditor", "operator"]
_DEPARTMENT = re.compile(r"[a-z][a-z0-9-]{0,62}")
_TRUST_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?")


class BadSettings(Exception):
    """The settings cannot be used; the text names the key and the rule."""


class Listen(_Section):
    """Where the two doors listen, and by which names peers reach them."""

    systems: str = Field("127.0.0.1:7443", description="host:port of the door for nodes and systems (mutual TLS)")
    people: str = Field("127.0.0.1:7444", description="host:port of the door for people and enrolment (server TLS)")
    tiles: str = Field(
        "", description="host:port of the door for the log's tiles (plain HTTP, hashes only); empty: closed"
    )
    systems_address: str = Field(
        "", description="host:port told to newcomers for the systems' door; empty: as listened"
    )
    people_address: str = Field("", description="host:port told to newcomers for the people's door; empty: as listened")
    dns_names: tuple[str, ...] = Field(("localhost",), description="DNS names in the server certificate")
    ip_addresses: tuple[str, ...] = Field(("127.0.0.1",), description="IP addresses in the server certificate")

    @field_validator("systems", "people")
    @classmethod
    def _host_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the largest TCP port
            raise ValueError("must be host:port")
        return value

    @field_validator("tiles")
    @classmethod
    def _host_port_or_none(cls, value: str) -> str:
        return cls._host_port(value) if value else value


class Certificates(_Section):
    """Lifetimes, in seconds."""

    leaf_s: Annotated[int, Field(ge=60, le=30 * 86400, description="lifetime of a node's or system's certificate")] = (
        86400
    )
    server_s: Annotated[int, Field(ge=60, le=90 * 86400, description="lifetime of the gateway's own certificate")] = (
        7 * 86400
    )


class Keys(_Section):
    """Where the root key lives, which wraps the keyring."""

    provider: Literal["file", "pkcs11"] = Field("file", description="an encrypted file, or a PKCS#11 token")
    root_file: Path = Field(
        Path("root-keys.bin"), description="the encrypted root keys; relative paths start at the home folder"
    )
    pkcs11_module: str = Field("", description="path of the PKCS#11 module; empty looks for SoftHSM")
    token_label: str = Field("oncegate", description="label of the token")
    key_label: str = Field("oncegate-root", description="label of the root keys in the token")
    pin_file: Path | None = Field(None, description="file with the token's user PIN, mode 0600")
    pin_environment: str = Field("ONCEGATE_PIN", description="environment variable with the token's user PIN")


class IssuerSettings(_Section):
    """One issuer of people's OIDC tokens."""

    issuer: str = Field(min_length=1, max_length=256, description="the `iss` claim, exactly")
    jwks_file: Path = Field(
        description="the issuer's public keys, a JWKS file; relative paths start at the home folder"
    )
    audience: str = Field("oncegate", description="the `aud` claim this gateway answers to")
    algorithms: tuple[str, ...] = Field(("ES256",), min_length=1, description="accepted signature algorithms")
    scheme: str = Field("cn.resident-id", description="scheme of the identifier in the identifier claim")
    identifier_claim: str = Field("resident_id", description="claim that carries the person's identifier")
    role_claim: str = Field("roles", description="claim that carries the issuer's role names")
    roles: dict[str, RoleName] = Field(default_factory=dict, description="issuer's role name to oncegate role")
    default_role: RoleName | Literal[""] = Field(
        "", description="role of a person with an identifier and no mapped role, such as citizen"
    )
    max_age_s: Annotated[int, Field(ge=30, le=86400, description="oldest accepted token")] = 3600
    minimum_acr: dict[RoleName, tuple[str, ...]] = Field(
        default_factory=dict, description="role to accepted acr values"
    )
    department: str = Field("", description="department whose officials this issuer vouches for; empty for none")
    binding: Literal["any", "system", "certificate"] = Field(
        "any", description="how its officials' tokens must be bound to the system that shows them"
    )
    relations_claim: str = Field(
        "", description="claim with the persons for whom the holder may act; empty: this issuer vouches for none"
    )


class VaultSettings(_Section):
    """People's own profile fields: the department that answers for them, and their encryption."""

    department: str = Field("data-bureau", description="its agreements govern the resource oncegate.profile")
    key_backup_days: Annotated[int, Field(ge=1, le=365, description="how long a key backup may be kept, days")] = 30
    notice_days: Annotated[
        int, Field(ge=1, le=366, description="how long a department has to erase what it received")
    ] = 30
    suite: SuiteName = Field("aes", description="how fields are encrypted; those of the other suite are moved")
    sources: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="profile field to the departments whose stewards may state it as verified"
    )
    expected_profiles: Annotated[
        int, Field(ge=1, description="how many profiles there will be; lengths of blind indexes follow from it")
    ] = 1_000_000
    searchable: dict[SearchableField, int] = Field(
        default_factory=dict, description="searchable field to the distinct values expected; empty: nothing is indexed"
    )
    pseudonym_notice_days: Annotated[
        int, Field(ge=0, le=366, description="how long before its date a change of pseudonyms must be announced")
    ] = 14

    @field_validator("department")
    @classmethod
    def _department(cls, value: str) -> str:
        if not _DEPARTMENT.fullmatch(value):
            raise ValueError("must match [a-z][a-z0-9-]{0,62}")
        return value

    @property
    def distinct(self) -> dict[str, int]:
        """Distinct values expected, by searchable field."""
        return {str(field): values for field, values in self.searchable.items()}

    @model_validator(mode="after")
    def _plan(self) -> Self:
        try:
            plan(self.expected_profiles, self.distinct)
        except NoPlan as error:
            raise ValueError(f"searchable: {error}") from None
        return self


class AgreementSettings(_Section):
    """By when a party of a proposal has to answer; a date past due is an escalation, never a grant."""

    reply_days: Annotated[
        int, Field(ge=1, le=LONGEST_DAYS, description="working days that a provider has to decide on a proposal")
    ] = 10
    answer_days: Annotated[
        int, Field(ge=1, le=LONGEST_DAYS, description="working days that a consumer has to answer")
    ] = 10
    holidays: tuple[date, ...] = Field((), description="weekdays on which nobody works, such as `2026-10-01`")
    workdays: tuple[date, ...] = Field((), description="weekend days that are worked in a holiday's stead")


class ConsentSettings(_Section):
    """People's consents."""

    relations: tuple[str, ...] = Field(
        (), description="relations in which somebody may consent for another, such as guardian; empty: nobody may"
    )
    open_requests: Annotated[
        int, Field(ge=1, le=100, description="requests of one department that may wait for one person")
    ] = 8


class Limits(_Section):
    """Sizes, counts and times."""

    message_bytes: Annotated[int, Field(ge=65536, le=16 << 20, description="largest message through a door")] = 4 << 20
    concurrent_fetches: Annotated[int, Field(ge=1, le=10000, description="fetches in flight altogether")] = 256
    concurrent_per_system: Annotated[int, Field(ge=1, le=10000, description="fetches in flight for one system")] = 64
    deadline_default_ms: Annotated[int, Field(ge=100, le=60000, description="deadline when the request names none")] = (
        5000
    )
    deadline_max_ms: Annotated[int, Field(ge=100, le=60000, description="longest deadline a request may name")] = 30000
    request_age_ms: Annotated[int, Field(ge=1000, le=600000, description="oldest and newest request time accepted")] = (
        300000
    )
    ticket_life_ms: Annotated[int, Field(ge=1000, le=120000, description="life of a ticket")] = 30000
    predicates_per_field: Annotated[
        int, Field(ge=1, le=16, description="distinct predicates about one field of one person, for one department")
    ] = 3
    predicate_days: Annotated[
        int, Field(ge=1, le=3660, description="in so many days; asking the same predicate again is not distinct")
    ] = 366
    guesses_per_day: Annotated[
        int, Field(ge=1, le=1000, description="comparisons (`equals`) of one field of one person, for one department")
    ] = 5
    profile_comparisons_per_day: Annotated[
        int, Field(ge=1, le=100, description="comparisons of one profile field with registers, at the person's wish")
    ] = 5
    answer_kept_s: Annotated[int, Field(ge=0, le=3600, description="how long a sealed answer is kept for a repeat")] = (
        300
    )
    answers_kept_bytes: Annotated[int, Field(ge=0, description="size cap of all kept answers")] = 64 << 20


class Emergencies(_Section):
    """What holds for declared emergencies beside what agreements say."""

    tolerated_hours: Annotated[
        int,
        Field(
            ge=0,
            le=720,
            description="how long a review may be late before further emergency uses of that consumer are refused",
        ),
    ] = 24
    follow_up_working_days: Annotated[
        int, Field(ge=1, le=60, description="by when a review that is to be followed up has to come to a finding")
    ] = 10


class Identities(_Section):
    """What holds for identities sealed to the auditors' key, once `oncegate audit identity-key set` named one."""

    openings_per_day: Annotated[
        int, Field(ge=1, le=1000, description="identities that one auditor opens on one civil day")
    ] = 20
    sealed_again_days: Annotated[
        int,
        Field(ge=1, le=3650, description="after so many days an identity is sealed anew; fewer than entries are kept"),
    ] = 365


class CustodianSettings(_Section):
    """Who may say that the access log goes on under a new name after a restore. Members and witnesses pin their own."""

    keys: tuple[str, ...] = Field(
        (), description="the custodians' verifier keys (C2SP signed note); none: no new epoch of the log can be opened"
    )
    needed: Annotated[int, Field(ge=0, le=16, description="how many of them must sign, at least two")] = 0

    @model_validator(mode="after")
    def _set(self) -> Self:
        try:
            Custodians(self.keys, self.needed)
        except BadEpoch as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def pinned(self) -> Custodians:
        """As those who verify."""
        return Custodians(self.keys, self.needed)


class Relations(_Section):
    """What the audit office's system may ask registers about officials and persons."""

    questions_per_day: Annotated[
        int, Field(ge=0, le=5000, description="pairs of official and person about which is asked on one civil day")
    ] = 500
    kept_days: Annotated[
        int, Field(ge=1, le=3650, description="for so many days an answer counts; then it is deleted")
    ] = 180


class Settings(BaseSettings):
    """Everything an operator can set. `docs/operations.md` lists each key (tested)."""

    model_config = SettingsConfigDict(env_prefix="ONCEGATE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Field(description="the gateway's folder; set by --home, not in the file")
    trust_domain: str = Field("oncegate.example", description="SPIFFE trust domain of this exchange")
    name: str = Field("gateway", description="name in the gateway's own SPIFFE id")
    database: str = Field("", description="SQLAlchemy URL; empty takes gateway.db in the home folder")
    keyring: Path = Field(
        Path("keyring.bin"), description="the encrypted keyring; relative paths start at the home folder"
    )
    passphrase_file: Path | None = Field(None, description="file with the root keys' passphrase, mode 0600")
    passphrase_environment: str = Field("ONCEGATE_PASSPHRASE", description="environment variable with the passphrase")
    policy_bundle: Path | None = Field(None, description="folder with a Cedar bundle; empty takes the packaged one")
    purposes_file: Path | None = Field(
        None, description="file with further purposes, which the nodes load as well; empty for none"
    )
    heartbeat_ms: Annotated[int, Field(ge=100, le=60000, description="how often a node must show life")] = 2000
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="level of the JSON log")
    listen: Listen = Field(default_factory=Listen)
    certificates: Certificates = Field(default_factory=Certificates)
    keys: Keys = Field(default_factory=Keys)
    vault: VaultSettings = Field(default_factory=VaultSettings)
    agreements: AgreementSettings = Field(default_factory=AgreementSettings)
    consents: ConsentSettings = Field(default_factory=ConsentSettings)
    limits: Limits = Field(default_factory=Limits)
    emergencies: Emergencies = Field(default_factory=Emergencies)
    identities: Identities = Field(default_factory=Identities)
    relations: Relations = Field(default_factory=Relations)
    custodians: CustodianSettings = Field(default_factory=CustodianSettings)
    retention: Retention = Field(default_factory=Retention)
    witnesses: Witnesses = Field(default_factory=Witnesses)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    issuers: tuple[IssuerSettings, ...] = ()

    @field_validator("trust_domain")
    @classmethod
    def _trust_domain(cls, value: str) -> str:
        if not _TRUST_DOMAIN.fullmatch(value):
            raise ValueError("must be a lower-case DNS-like name")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @classmethod
    def load(cls, home: Path, file: Path | None = None) -> Self:
        """Read `gateway.toml` in a home folder.

        Args:
            home: The home folder.
            file: The settings to read for it when they lie elsewhere, such as in a backup.

        Raises:
            BadSettings: The file is missing, is not TOML, or a key breaks a rule.
        """
        path = file or home / FILE_NAME
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadSettings(f"{path}: no such file; run `oncegate init` first") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSettings(f"{path}: {error}") from None
        if "home" in content:
            raise BadSettings(f"{path}: home: is set by --home, not in the file")
        try:
            # The folder is the caller's choice: ONCEGATE_HOME in the environment must not lead to another one.
            return cls(home=home, **content).model_copy(update={"home": home})
        except ValidationError as error:
            lines = [f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
            raise BadSettings("\n".join(lines)) from None

    def path(self, value: Path) -> Path:
        """A configured path, from the home folder when it is relative."""
        return value if value.is_absolute() else self.home / value

    @property
    def database_url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database or f"sqlite:///{self.home / 'gateway.db'}"

    @property
    def gateway_id(self) -> str:
        """The gateway's SPIFFE id."""
        return f"spiffe://{self.trust_domain}/gateway/{self.name}"

    @property
    def log_origin(self) -> str:
        """The log's first name: origin line of its checkpoints in its first epoch."""
        return f"{self.trust_domain}/ledger"
