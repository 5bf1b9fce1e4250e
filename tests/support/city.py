"""A whole exchange for tests, in one process but with everything real: TLS sockets, SQLite files, keys, signatures.

Two providers (civil, housing), the data bureau for the vault, a consumer (education, system "school") with agreements
and one (tourism, system "booking") without. Parts can be left out, stopped and started again.
"""

import asyncio
import base64
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from gateway.bootstrap.home import initialise
from gateway.bootstrap.offline import Offline, compose
from gateway.bootstrap.serving import Gateway
from gateway.bootstrap.vault_identity import install_vault_certificate, write_vault_request
from gateway.clock import Clock, SystemClock
from gateway.settings import FILE_NAME, Settings
from keys.passphrase import LOWEST
from keys.signing import AGREEMENT, SigningKey
from nodes.clock import SystemClock as NodeClock
from nodes.consumer import AsyncClient
from nodes.enrolment.agreement_files import accept_agreement, sign_agreement
from nodes.enrolment.enrolment import enrol, prepare, read_token
from nodes.enrolment.home import Home, certified_to_json
from nodes.enrolment.member_keys import certify_home, certify_request
from nodes.serve import Node
from tests.support.city_records import (
    ALICE,
    BO,
    CHEN,
    CIVIL,
    HOUSING,
    NAMES,
    NOBODY,
    PEOPLE,
    fill_civil,
    fill_housing,
)

__all__ = [
    "ALICE",
    "BO",
    "CHEN",
    "CIVIL",
    "CIVIL_ITEMS",
    "DEPARTMENTS",
    "HOUSING",
    "HOUSING_ITEMS",
    "ISSUER",
    "NAMES",
    "NOBODY",
    "PEOPLE",
    "PROFILE_ITEMS",
    "PURPOSE",
    "TRUST_DOMAIN",
    "City",
    "fill_civil",
    "fill_housing",
    "free_port",
    "running_city",
    "signature_json",
]

TRUST_DOMAIN = "oncegate.test"
ISSUER = "https://id.test"
PURPOSE = "school_enrolment"
DEPARTMENTS = {
    "civil": ("户籍处", "Civil registry"),
    "housing": ("住房局", "Housing"),
    "data-bureau": ("大数据局", "Data bureau"),
    "education": ("教育局", "Education"),
    "tourism": ("旅游局", "Tourism"),
}


def free_port() -> int:
    """A port that is free now, below those that the system gives to connections, which could take it meanwhile."""
    while True:
        port = secrets.randbelow(17_000) + 15_000
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class City:
    """An exchange with its parts.

    Args:
        folder: Where everything lives.
        settings: Further text for gateway.toml.
        clock: The gateway's clock.
    """

    def __init__(self, folder: Path, *, settings: str = "", clock: Clock | None = None) -> None:
        self.folder = folder
        self.home = folder / "gateway"
        self._clock = clock or SystemClock()
        self._issuer = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
        folder.mkdir(parents=True, exist_ok=True)
        jwks = folder / "issuer.jwks.json"
        jwks.write_text(json.dumps(KeySet([self._issuer]).as_dict(private=False)), encoding="utf-8")
        self.systems, self.people = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        initialise(self.home, TRUST_DOMAIN, None, self.systems, self.people, cost=LOWEST)
        with (self.home / FILE_NAME).open("a", encoding="utf-8") as file:
            file.write(
                f'\n[[issuers]]\nissuer = "{ISSUER}"\njwks_file = "{jwks}"\nroles = {{ auditor = "auditor" }}\n'
                f'default_role = "citizen"\nrelations_claim = "acts_for"\n{settings}'
                '\n[consents]\nrelations = ["guardian"]\n'
            )
        self.keys = {department: SigningKey.generate() for department in DEPARTMENTS}
        self.gateway: Gateway | None = None
        self.offline: Offline | None = None
        self._nodes: dict[str, tuple[Node, asyncio.Task[None]]] = {}

    # The gateway.

    async def start_gateway(self) -> Gateway:
        """Start, or start again, the gateway."""
        self.offline = compose(Settings.load(self.home), self._clock)
        self.gateway = Gateway(self.offline)
        await self.gateway.start()
        return self.gateway

    async def stop_gateway(self) -> None:
        """Stop the gateway in order."""
        if self.gateway is not None:
            await self.gateway.stop()
            self.gateway = self.offline = None

    @property
    def parts(self) -> Offline:
        """The running gateway's parts."""
        assert self.offline is not None
        return self.offline

    # Departments and members.

    def register_departments(self) -> None:
        """Register every department with its key, and certify the vault."""
        for department, (zh, en) in DEPARTMENTS.items():
            self.parts.membership.add_department(department, zh, en, self.keys[department].verify_key.fingerprint)
        request, certificate = self.folder / "vault-request.json", self.folder / "vault-certificate.json"
        write_vault_request(self.parts, request)
        certified = certify_request(self.keys["data-bureau"], request.read_bytes(), now_ms=self._clock.now_ms())
        certificate.write_bytes(certified_to_json(certified))
        install_vault_certificate(self.parts, certificate)

    def member_home(self, department: str, name: str) -> Path:
        """Home of a node or system."""
        return self.folder / "members" / f"{department}-{name}"

    async def enrol(self, department: str, kind: str, name: str) -> Home:
        """Enrol a node or system as its department would."""
        token = await asyncio.to_thread(self.parts.membership.issue_token, department, kind, name, 600)
        home = Home(self.member_home(department, name))
        opened = read_token(token.encode(), NodeClock())
        home.path.parent.mkdir(parents=True, exist_ok=True)
        prepare(home, opened)
        certify_home(self.keys[department], home, now_ms=self._clock.now_ms())
        await enrol(home, opened, NodeClock())
        return home

    # Nodes.

    async def make_node(self, department: str, resources: str, *, node_toml: str = "") -> Home:
        """Enrol a node and write its configuration."""
        home = await self.enrol(department, "node", "registry")
        (home.path / "node.toml").write_text(
            'format = "oncegate.node/1"\nresources = "resources.toml"\nsync_every_s = 1\n'
            + node_toml
            + self._consent_toml(),
            encoding="utf-8",
        )
        (home.path / "resources.toml").write_text(resources, encoding="utf-8")
        return home

    def _consent_toml(self) -> str:
        """Whose tokens a node accepts as a person's own word."""
        return (
            f'\n[consent]\n[[consent.issuers]]\nissuer = "{ISSUER}"\nrelations_claim = "acts_for"\n'
            f'jwks_file = "{self.folder / "issuer.jwks.json"}"\n'
        )

    async def start_node(self, department: str) -> Node:
        """Start, or start again, a department's node."""
        node = Node(self.member_home(department, "registry"), clock=NodeClock(), environment={})
        self._nodes[department] = (node, asyncio.create_task(node.run()))
        return node

    def node(self, department: str) -> Node:
        """A department's running node."""
        return self._nodes[department][0]

    async def stop_node(self, department: str) -> None:
        """Stop a node in order."""
        node, task = self._nodes.pop(department)
        node.stop()
        await asyncio.wait_for(task, 15)

    async def synced(self, department: str, pointers: int, within_s: float = 15) -> None:
        """Wait until the gateway's index has so many pointers of a node."""
        node = self.node_id(department)
        end = time.monotonic() + within_s
        while True:
            assert self.gateway is not None
            count = self.gateway.index.pointers(node)
            if count == pointers and self.gateway.federation.connected(node) and self.gateway.index.synced(node):
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{node} has {count} pointers, not {pointers}")
            await asyncio.sleep(0.05)

    @staticmethod
    def node_id(department: str) -> str:
        """SPIFFE id of a department's node."""
        return f"spiffe://{TRUST_DOMAIN}/department/{department}/node/registry"

    # Agreements.

    def agreement_text(
        self,
        provider: str,
        resource: str,
        items: Mapping[str, Sequence[str]],
        *,
        consumer: str = "education",
        system: str = "school",
        revision: int = 1,
        predicates: Sequence[Mapping[str, str]] = (),
        **changes: Any,
    ) -> str:
        """The text of an agreement; `changes` replace single keys; those and `predicates` hold TOML literals."""
        now = datetime.now(UTC).replace(microsecond=0)
        keys = {
            "format": '"oncegate.agreement/1"',
            "id": f'"{consumer}-{resource.replace(".", "-")}"',
            "revision": str(revision),
            "provider": f'"{provider}"',
            "provider_key": f'"{self.keys[provider].verify_key.fingerprint}"',
            "consumer": f'"{consumer}"',
            "consumer_key": f'"{self.keys[consumer].verify_key.fingerprint}"',
            "systems": f'["{system}"]',
            "resource": f'"{resource}"',
            "legal_basis": '"mandate"',
            "purposes": f'["{PURPOSE}"]',
            "valid_from": (now - timedelta(hours=1)).isoformat(),
            "valid_until": (now + timedelta(days=300)).isoformat(),
            "case_required": "false",
            "uses_per_day": "1000000",
            "rate_per_minute": "100000",
            **changes,
        }
        text = "".join(f"{key} = {value}\n" for key, value in keys.items())
        for field, forms in items.items():
            text += f'[[items]]\nfield = "{field}"\nforms = {json.dumps(list(forms))}\n'
        for predicate in predicates:
            text += "[[predicates]]\n" + "".join(f"{key} = {value}\n" for key, value in predicate.items())
        return text

    def agree(self, provider: str, resource: str, items: Mapping[str, Sequence[str]], **changes: Any) -> Path:
        """Write, sign and distribute an agreement to gateway, provider's node and consumer."""
        path = self.sign(provider, self.agreement_text(provider, resource, items, **changes))
        raw = path.read_bytes()
        key = self.keys[provider]
        self.parts.membership.add_agreement(raw, key.sign(AGREEMENT, raw), key.verify_key.der)
        consumer = changes.get("consumer", "education")
        system = changes.get("system", "school")
        holders = [(consumer, self.member_home(consumer, system), provider)]
        if self.member_home(provider, "registry").exists():
            holders.append((provider, self.member_home(provider, "registry"), consumer))
        for department, home, other in holders:
            self.accept(path, home, department, other)
        return path

    def sign(self, provider: str, text: str) -> Path:
        """An agreement file with its provider's signature beside it."""
        folder = self.folder / "agreements"
        folder.mkdir(exist_ok=True)
        path = folder / f"agreement-{len(list(folder.glob('*.toml')))}.toml"
        path.write_text(text, encoding="utf-8")
        sign_agreement(path, self.keys[provider])
        return path

    def accept(self, path: Path, home: Path, department: str, other: str) -> None:
        """Accept an agreement in a member's home."""
        own = self.keys[department].verify_key.fingerprint
        accepted = self.keys[other].verify_key.fingerprint
        accept_agreement(path, home / "agreements", department=department, own_key=own, accepted=accepted)

    # People.

    def token(
        self,
        subject: str,
        *,
        resident: str | None = None,
        roles: Sequence[str] = (),
        issuer: str = ISSUER,
        **more: Any,
    ) -> str:
        """An OIDC token of the test's issuer, or of another one that has the same keys; `more` are further claims."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": issuer, "aud": "oncegate", "sub": subject, "iat": now, "exp": now + 600}
        if resident:
            claims["resident_id"] = resident
        if roles:
            claims["roles"] = list(roles)
        claims |= more
        return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims, self._issuer, algorithms=["ES256"])

    def client(self, department: str = "education", name: str = "school", *, acknowledge: bool = False) -> AsyncClient:
        """The SDK of a system. Unless told to, it acknowledges nothing, so that the log holds what a test does."""
        return AsyncClient(self.member_home(department, name), renew=False, acknowledge=acknowledge)

    async def close(self) -> None:
        """Stop everything."""
        # Together, because each stream waits for the gateway's sweep before it is closed.
        await asyncio.gather(*(self.stop_node(department) for department in list(self._nodes)), return_exceptions=True)
        await self.stop_gateway()


def signature_json(key: SigningKey, raw: bytes) -> str:
    """A .sig file's content."""
    signature = base64.b64encode(key.sign(AGREEMENT, raw)).decode()
    return json.dumps({"department_key": base64.b64encode(key.verify_key.der).decode(), "signature": signature})


CIVIL_ITEMS = {"name": ["value", "masked"], "birth_date": ["year"], "record": ["exists"]}
HOUSING_ITEMS = {"location": ["value"], "area": ["value"]}
PROFILE_ITEMS = {"phone": ["value", "masked"], "mailing_address": ["value"]}


@asynccontextmanager
async def running_city(folder: Path, **options: Any) -> AsyncIterator[City]:
    """The standard city, running: both nodes synced, school with agreements, booking without."""
    city = City(folder, **options)
    try:
        await city.start_gateway()
        city.register_departments()
        civil = await city.make_node("civil", CIVIL)
        fill_civil(civil.path / "source.db")
        housing = await city.make_node("housing", HOUSING)
        fill_housing(housing.path / "source.db")
        await city.enrol("education", "system", "school")
        await city.enrol("tourism", "system", "booking")
        await city.start_node("civil")
        await city.start_node("housing")
        await city.synced("civil", 3)
        await city.synced("housing", 2)
        city.agree("civil", "civil.resident", CIVIL_ITEMS)
        city.agree("housing", "housing.property", HOUSING_ITEMS)
        city.agree("data-bureau", "oncegate.profile", PROFILE_ITEMS)
        yield city
    finally:
        await city.close()
