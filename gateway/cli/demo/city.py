"""Builds the demo's city: departments with keys of their own, enrolled nodes and systems, signed agreements.

Departments act through the same commands as in a real city. The operator's steps are done in this process, through
the same use cases that the operator's commands call and onto the same ledger, to save their start-up.
"""

import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from gateway.bootstrap.offline import open_offline
from gateway.bootstrap.vault_identity import install_vault_certificate, write_vault_request
from gateway.cli.agreement import read_signature
from gateway.cli.demo.cast import Cast, tool

Item = TypeVar("Item")
NODE = tool("oncegate-node")
GATEWAY = tool("oncegate")


@dataclass(frozen=True, slots=True)
class Department:
    """A department of the demo: what it is called and which members it enrols, as (kind, name)."""

    id: str
    name_zh: str
    name_en: str
    members: tuple[tuple[str, str], ...] = ()


DEPARTMENTS = (
    Department("civil", "户籍登记处", "Civil registry", (("node", "registry"),)),
    Department("social", "社会保险局", "Social insurance", (("node", "registry"),)),
    Department("housing", "住房保障局", "Housing authority", (("node", "registry"),)),
    Department("market", "市场监督管理局", "Market regulation", (("node", "registry"),)),
    Department("data-bureau", "大数据管理局", "Data bureau"),
    Department("education", "教育局", "Education bureau", (("system", "school"),)),
    Department("tourism", "文化旅游局", "Tourism office", (("system", "booking"),)),
)
_TOKEN_LIFE_S = 600
PROVIDERS = ("civil", "social", "housing", "market")


@dataclass(frozen=True, slots=True)
class Terms:
    """What one provider lets the school system have: fields with their forms, and predicates.

    A predicate is its name, field, operator and constant; `consent` is what a person is told and may agree to,
    TOML, for the basis of consent.
    """

    provider: str
    resource: str
    items: tuple[tuple[str, str], ...]
    basis: str
    predicates: tuple[tuple[str, str, str, int], ...] = ()
    consent: str = ""


class City:
    """The folders and commands of the demo's city.

    Args:
        folder: Where everything lives.
        cast: Runs the commands.
    """

    def __init__(self, folder: Path, cast: Cast) -> None:
        self.folder = folder
        self.cast = cast
        self.gateway = folder / "gateway"
        self.fingerprints: dict[str, str] = {}

    def node(self, department: str) -> Path:
        """Home of a department's node."""
        return self.folder / "nodes" / department

    def system(self, department: str, name: str) -> Path:
        """Home of a department's system."""
        return self.folder / "systems" / f"{department}-{name}"

    def _key(self, department: str) -> tuple[str, ...]:
        kept = self.folder / "department-keys"
        return (str(kept / f"{department}.pem"), "--passphrase-file", str(kept / f"{department}.passphrase"))

    def make_departments(self) -> None:
        """Each department makes its own key; the operator registers the fingerprints."""
        kept = self.folder / "department-keys"
        kept.mkdir(mode=0o700)
        for department in DEPARTMENTS:
            passphrase = kept / f"{department.id}.passphrase"
            passphrase.touch(mode=0o600)
            passphrase.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")

        def make(department: Department) -> None:
            made = self.cast.run_json(NODE, "department-key", "create", *self._key(department.id))
            self.fingerprints[department.id] = made["fingerprint"]

        _side_by_side(make, DEPARTMENTS)
        with open_offline(self.gateway) as operator:
            for department in DEPARTMENTS:
                operator.membership.add_department(
                    department.id, department.name_zh, department.name_en, self.fingerprints[department.id]
                )

    def enrol_everyone(self) -> None:
        """One-time tokens from the operator; keys, certification and enrolment by the departments."""
        members = [(d.id, kind, name) for d in DEPARTMENTS for kind, name in d.members]
        with open_offline(self.gateway) as operator:
            for department, kind, name in members:
                token = self._token(department, name)
                token.touch(mode=0o600)
                issued = operator.membership.issue_token(department, kind, name, _TOKEN_LIFE_S)
                token.write_text(issued.encode(), encoding="ascii")

        def enrol(member: tuple[str, str, str]) -> None:
            department, kind, name = member
            home = self.node(department) if kind == "node" else self.system(department, name)
            home.parent.mkdir(parents=True, exist_ok=True)
            key_path, *passphrase = self._key(department)
            self.cast.run(
                NODE,
                "enrol",
                *("--home", str(home), "--token-file", str(self._token(department, name))),
                *("--department-key", key_path, *passphrase),
            )
            self._token(department, name).unlink()

        _side_by_side(enrol, members)

    def certify_vault(self) -> None:
        """The data bureau certifies the keys under which the vault answers."""
        request, certificate = self.folder / "vault-request.json", self.folder / "vault-certificate.json"
        with open_offline(self.gateway) as operator:
            write_vault_request(operator, request)
            key_path, *passphrase = self._key("data-bureau")
            self.cast.run(
                NODE,
                "certify",
                str(request),
                *("--department-key", key_path, "--output", str(certificate)),
                *passphrase,
            )
            install_vault_certificate(operator, certificate)

    def agree(self, terms: Iterable[Terms], consumer: str, system: str, purpose: str) -> None:
        """Write an agreement, have its provider sign it, and let gateway, node and consumer each take a copy."""
        folder = self.folder / "agreements"
        folder.mkdir(exist_ok=True)
        home = self.system(consumer, system)
        texts = {
            term: folder / f"{consumer}-{term.resource.replace('.', '-')}{'-consent' if term.consent else ''}.toml"
            for term in terms
        }

        def sign(term: Terms) -> None:
            path = texts[term]
            path.write_text(self._agreement(term, path.stem, consumer, system, purpose), encoding="utf-8")
            key_path, *passphrase = self._key(term.provider)
            self.cast.run(NODE, "agreement", "sign", str(path), "--department-key", key_path, *passphrase)

        def accept(term: Terms) -> None:
            self._accept(texts[term], home, term.provider)
            if term.provider in PROVIDERS:
                self._accept(texts[term], self.node(term.provider), consumer)

        _side_by_side(sign, texts)
        with open_offline(self.gateway) as operator:
            for path in texts.values():
                key, signature = read_signature(path.with_suffix(".sig"))
                operator.membership.add_agreement(path.read_bytes(), signature, key)
        _side_by_side(accept, texts)

    def offer_service(self, department: str, system: str, service: str) -> None:
        """Put a service item into the home of the system that asks for its evidence."""
        folder = self.system(department, system) / "services"
        folder.mkdir(exist_ok=True)
        text = files(__package__).joinpath("services", f"{service}.toml").read_bytes()
        (folder / f"{service}.toml").write_bytes(text)

    def _accept(self, path: Path, home: Path, other: str) -> None:
        fingerprint = self.fingerprints[other]
        self.cast.run(NODE, "agreement", "accept", str(path), "--home", str(home), "--fingerprint", fingerprint)

    def _token(self, department: str, name: str) -> Path:
        return self.folder / "tokens" / f"{department}-{name}.token"

    def _agreement(self, term: Terms, name: str, consumer: str, system: str, purpose: str) -> str:
        now = datetime.now(UTC).replace(microsecond=0)
        until = now + timedelta(days=360)
        items = "".join(f'\n[[items]]\nfield = "{field}"\nforms = ["{form}"]\n' for field, form in term.items)
        predicates = "".join(
            f'\n[[predicates]]\nname = "{code}"\nfield = "{field}"\noperator = "{operator}"\nvalue = {value}\n'
            for code, field, operator, value in term.predicates
        )
        return (
            'format = "oncegate.agreement/1"\n'
            f'id = "{name}"\n'
            "revision = 1\n"
            f'provider = "{term.provider}"\n'
            f'provider_key = "{self.fingerprints[term.provider]}"\n'
            f'consumer = "{consumer}"\n'
            f'consumer_key = "{self.fingerprints[consumer]}"\n'
            f'systems = ["{system}"]\n'
            f'resource = "{term.resource}"\n'
            f'legal_basis = "{term.basis}"\n'
            f'purposes = ["{purpose}"]\n'
            f"valid_from = {(now - timedelta(hours=1)).isoformat()}\n"
            f"valid_until = {until.isoformat()}\n"
            "case_required = true\n"
            "uses_per_day = 10000\n"
            f"{items}{predicates}{term.consent}"
        )


def _side_by_side(work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do something for each item, two at a time; the first failure is raised."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, items))
