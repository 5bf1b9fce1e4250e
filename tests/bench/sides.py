"""The two sides of the comparison, each with a gateway or proxy and two nodes in processes of their own."""

import asyncio
import contextlib
import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from keys.certificates.authority import CertificateAuthority
from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.spiffe import SpiffeId
from nodes.consumer import AsyncClient
from oncegate.v1 import exchange_pb2
from policies.identifiers import resident_id
from tests.bench import bare
from tests.bench.measure import calls_per_second, median_latency
from tests.support.city import CIVIL, HOUSING, PURPOSE, City, fill_civil, fill_housing

PEOPLE = 1000
ITEMS = (
    "civil.resident:name=value",
    "civil.resident:birth_date=value",
    "civil.resident:address=value",
    "housing.property:location=value",
    "housing.property:area=value",
)


class Payload(NamedTuple):
    """Bytes on each hop of one real fetch."""

    request: int
    ask: int
    reply: int
    answer: int


class Processes:
    """Processes that are ended together."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, log: Path) -> None:
        """Start a process whose output goes to a file."""
        with log.open("ab") as out:
            self._running.append(subprocess.Popen(command, stdout=out, stderr=out))

    def start_port(self, *command: str) -> str:
        """Start a process that prints its port first; returns its address."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._running.append(process)
        assert process.stdout is not None
        return f"127.0.0.1:{int(process.stdout.readline())}"

    def end(self) -> None:
        """End all of them."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class _Side:
    async def call(self) -> object:
        """One call."""
        raise NotImplementedError

    async def throughput(self, seconds: float, in_flight: int) -> float:
        """Calls a second."""
        return await calls_per_second(self.call, seconds, in_flight)

    async def latency(self, calls: int) -> float:
        """Median seconds of one call."""
        return await median_latency(self.call, calls)


class OncegateSide(_Side):
    """A gateway and two nodes as they are run in production, asked through the SDK.

    Args:
        folder: Where they live.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes = Processes()
        self._people = [
            resident_id(f"110105{1950 + n % 60:04}0{1 + n % 9}1{n % 10}{n % 1000:03}") for n in range(PEOPLE)
        ]
        self._people = list(dict.fromkeys(self._people))
        self._next = itertools.cycle(self._people)

    async def __aenter__(self) -> Self:
        city = City(self._folder)
        await city.start_gateway()
        city.register_departments()
        civil = await city.make_node("civil", CIVIL)
        people = {i: (f"测试{n}", "1988-01-01", f"北京市朝阳区幸福路{n}号") for n, i in enumerate(self._people)}
        fill_civil(civil.path / "source.db", people)
        housing = await city.make_node("housing", HOUSING)
        fill_housing(housing.path / "source.db", self._people)
        await city.enrol("education", "system", "school")
        for department in ("civil", "housing"):
            await city.start_node(department)
            await city.synced(department, len(self._people), 60)
        city.agree("civil", "civil.resident", {f: ["value"] for f in ("name", "birth_date", "address")})
        city.agree("housing", "housing.property", {f: ["value"] for f in ("location", "area")})
        for department in ("civil", "housing"):
            await city.stop_node(department)
            # Comparing the sources as often as a node does by default, not every second as the tests' city wants it.
            settings = city.member_home(department, "registry") / "node.toml"
            settings.write_text('format = "oncegate.node/1"\nresources = "resources.toml"\n', encoding="utf-8")
        await city.stop_gateway()
        scripts = Path(sys.executable).parent
        log = self._folder / "processes.log"
        self._processes.start(str(scripts / "oncegate"), "serve", "--home", str(city.home), log=log)
        for department in ("civil", "housing"):
            home = str(city.member_home(department, "registry"))
            self._processes.start(str(scripts / "oncegate-node"), "serve", "--home", home, log=log)
        self._client = city.client(acknowledge=True)
        await self._ready()
        # The first question ever about a person makes that person's random id, once for good; what is measured is every
        # question after it.
        await asyncio.gather(*(self._some(len(self._people) // 25) for _ in range(25)))
        return self

    async def _some(self, calls: int) -> None:
        for _ in range(calls):
            await self.call()

    async def _ready(self) -> None:
        end = time.monotonic() + 30
        while True:
            try:
                await self.call()
            except Exception as error:
                if time.monotonic() > end:
                    log = (self._folder / "processes.log").read_text(encoding="utf-8")
                    raise TimeoutError(f"the gateway did not answer:\n{log[-4000:]}") from error
                await asyncio.sleep(0.2)
            else:
                return

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
        self._processes.end()

    async def call(self) -> Any:
        """One fetch of five fields from two departments, verified and opened."""
        answer = await self._client.fetch(
            subject=("cn.resident-id", next(self._next)), purpose=PURPOSE, basis="mandate", items=ITEMS
        )
        if not answer.complete:
            raise RuntimeError("a fetch was not complete")
        return answer

    async def payload(self) -> Payload:
        """Bytes of one real fetch, as they go over the wire between client and gateway; asks and replies as built of it."""
        prepared = self._client.prepare(
            subject=("cn.resident-id", next(self._next)), purpose=PURPOSE, basis="mandate", items=ITEMS
        )
        return await _payload(self._client, prepared)


async def _payload(client: AsyncClient, prepared: Any) -> Payload:
    session = client._current()
    message = exchange_pb2.FetchRequest(
        body=prepared.body,
        signature=prepared.signature,
        keys=session.keys,
        subject_identifier=prepared.identifier,
        subject_nonce=prepared.nonce,
    )
    raw: exchange_pb2.FetchResponse = await session.exchange.Fetch(message)
    sealed = [len(each.sealed) + each.receipt.ByteSize() for each in raw.answers]
    # An ask carries the request with its keys, a ticket (about 400 bytes) and the promise; a reply the sealed answer,
    # its receipt and the disclosure (about 100 bytes).
    ask = message.ByteSize() + 400 + raw.asked.ByteSize()
    return Payload(message.ByteSize(), ask, max(sealed) + 100, raw.ByteSize())


class BareSide(_Side):
    """The yardstick.

    Args:
        folder: Where its certificates go.
        payload: Bytes on each hop.
    """

    def __init__(self, folder: Path, payload: Payload) -> None:
        self._folder = folder
        self._payload = payload
        self._processes = Processes()

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True)
        _certificates(self._folder)
        command = (sys.executable, "-m", "tests.bench.bare")
        tls = ("--tls", str(self._folder))
        payload = self._payload
        nodes = [
            self._processes.start_port(*command, "node", *tls, "--reply-bytes", str(payload.reply)) for _ in range(2)
        ]
        proxy = self._processes.start_port(
            *command,
            "proxy",
            *tls,
            *("--ask-bytes", str(payload.ask), "--answer-bytes", str(payload.answer)),
            *(part for node in nodes for part in ("--node", node)),
        )
        self._channel = bare.channel(proxy, self._folder)
        self._fetch = self._channel.unary_unary(bare.FETCH)
        self._request = bytes(payload.request)
        await self.call()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()
        self._processes.end()

    async def call(self) -> object:
        """One bare call."""
        return await self._fetch(self._request)


def _certificates(folder: Path) -> None:
    now_ms = 1_000 * int(time.time())
    authority = CertificateAuthority.create("bench.test", now_ms)
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    for name, server in (("server", True), ("client", False)):
        key = new_tls_key()
        spiffe = SpiffeId("bench.test", "bench", "system", name)
        leaf = authority.issue(
            make_csr(key), spiffe, now_ms=now_ms, lifetime_s=3600, ip_addresses=("127.0.0.1",), server=server
        )
        (folder / f"{name}.key").write_bytes(key)
        (folder / f"{name}.crt").write_bytes(leaf.certificate_pem)
