"""Plays the story: data, processes, acts, and at the end what to try.

Any step that does not hold ends it with its reason.
"""

import json
import shutil
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from gateway.cli.demo.acts import PURPOSE, SERVICE, Acts, Hero
from gateway.cli.demo.cast import Cast, DemoFailed
from gateway.cli.demo.city import GATEWAY, NODE, PROVIDERS, City, Terms
from gateway.cli.demo.housing_server import answers, housing_server
from gateway.cli.demo.issuer import DemoIssuer
from gateway.cli.demo.population import SEED, make_population
from gateway.cli.demo.register_files import Written, write_all
from gateway.cli.demo.registers import Registers, make_registers
from gateway.settings import FILE_NAME, STATUS_FILE

MARKER = ".oncegate-demo"
HOUSING_URL = "HOUSING_DATABASE_URL"
_BASIS = "explicit_request"
CONSENT = """
[consent]
notice_zh = "学校请求使用您的完整住址，用于安排校车接送"
notice_en = "To plan the school bus, the school asks for your full address"
mode = "store"
fetch = "periodic"
frequency = { unit = "day", value = 1, repeats = 10 }
max_days = 180
data_life_days = 30
relations = ["guardian"]
"""
TERMS = (
    Terms(
        "civil",
        "civil.resident",
        (("name", "value"), ("birth_date", "predicate"), ("address", "masked")),
        _BASIS,
        (("adult", "birth_date", "age_at_least", 18),),
    ),
    Terms("social", "social.insurance", (("status", "value"),), _BASIS),
    Terms("housing", "housing.property", (("location", "value"),), _BASIS),
    Terms("civil", "civil.resident", (("address", "value"),), "consent", consent=CONSENT),
    Terms("data-bureau", "oncegate.profile", (("phone", "value"), ("mailing_address", "value")), _BASIS),
)
_START_S = 30.0
_SYNC_S = 90.0
_WATCH_S = 0.5
_COMPANIES_PER_RESIDENT = 0.15


class Story:
    """One run of the demo.

    Args:
        folder: Where everything is kept; made anew.
        people: Number of residents.
        console: Where the story is told.
    """

    def __init__(self, folder: Path, people: int, console: Console) -> None:
        self._folder = folder
        self._people = people
        self._console = console
        self._began = time.monotonic()
        self._scene = 0

    def play(self, *, stay: bool) -> None:
        """Play the story.

        Args:
            stay: Keep the city running afterwards, until Ctrl-C.

        Raises:
            DemoFailed: A step did not hold; the text says which and why.
        """
        _make_anew(self._folder)
        for name in ("logs", "tokens"):
            (self._folder / name).mkdir(mode=0o700)
        with ExitStack() as stack:
            self._next("Starting the housing authority's PostgreSQL server")
            url = stack.enter_context(housing_server(self._folder / "pg"))
            cast = Cast(self._folder / "logs", {HOUSING_URL: url})
            stack.callback(cast.stop)
            cast.watch("housing database", lambda: answers(url))
            self._next(f"Inventing {self._people} residents and their companies, and writing four registers")
            registers, written = self._write_registers(url)
            self._tell(", ".join(f"{name} {rows} rows" for name, rows in written.rows.items()))
            acts, city = self._build(cast, registers, written)
            self._perform(acts, cast)
            self._console.print()
            self._tell(f"The story held, in {time.monotonic() - self._began:.0f} seconds.")
            if stay:
                self._invite(acts, city)
                self._watch(cast)

    def _write_registers(self, url: str) -> tuple[Registers, Written]:
        today = datetime.now(UTC).date()
        companies = max(150, round(self._people * _COMPANIES_PER_RESIDENT))
        population = make_population(today, seed=SEED, residents=self._people, companies=companies)
        registers = make_registers(population, SEED)
        return registers, write_all(registers, self._folder / "data", url)

    def _build(self, cast: Cast, registers: Registers, written: Written) -> tuple[Acts, City]:
        """Gateway, departments, members, agreements, nodes."""
        city = City(self._folder, cast)
        systems, people = (f"127.0.0.1:{port}" for port in _free_ports(2))
        self._next("Making the gateway: keyring, authority, ledger; and a stand-in for the city's identity provider")
        cast.run(GATEWAY, "init", "--home", str(city.gateway), "--systems", systems, "--people", people)
        issuer = DemoIssuer(self._folder)
        with (city.gateway / FILE_NAME).open("a", encoding="utf-8") as file:
            file.write("\n" + issuer.settings())
        parent = registers.story.parent
        issuer.token(self._folder / "tokens" / "citizen.jwt", "citizen-1", resident_id=parent.identifier)
        issuer.token(self._folder / "tokens" / "auditor.jwt", "auditor-1", roles=["auditor"])
        cast.start("gateway", GATEWAY, "serve", "--home", str(city.gateway))
        cast.until("the gateway to open its doors", (city.gateway / STATUS_FILE).exists, _START_S)
        (self._folder / "ca.pem").write_text(cast.run(GATEWAY, "ca", "--home", str(city.gateway)), encoding="ascii")

        self._next("Departments make their own keys; the operator registers the fingerprints")
        city.make_departments()
        self._next("Nodes and systems enrol with one-time tokens; their departments certify their keys")
        city.enrol_everyone()
        city.certify_vault()
        self._next("Four nodes start and publish pointers: who has a record, never what it says")
        for department in PROVIDERS:
            home = city.node(department)
            (home / "node.toml").write_text(
                f'format = "oncegate.node/1"\nresources = "{written.resources[department]}"\nsync_every_s = 5\n'
                f"{issuer.node_settings()}",
                encoding="utf-8",
            )
            cast.start(f"{department} node", NODE, "serve", "--home", str(home))
        self._next("Meanwhile providers sign agreements; gateway, node and consumer each take a copy")
        self._agree(city, cast)
        cast.until("the nodes to publish every record", lambda: _published(city, written), _SYNC_S)
        self._tell(f"The index holds {sum(_expected(written).values())} pointers.")
        return Acts(city, Hero(parent.identifier, parent.name, parent.address), people, issuer, self._tell), city

    @staticmethod
    def _agree(city: City, cast: Cast) -> None:
        # An agreement is about a resource of the catalogue, so the nodes must have said what they offer.
        cast.until("the nodes to connect", lambda: len(_connected(city)) == len(PROVIDERS), _START_S)
        city.agree(TERMS, "education", "school", PURPOSE)
        city.offer_service("education", "school", SERVICE)

    def _perform(self, acts: Acts, cast: Cast) -> None:
        for title, act in (
            ("A citizen enters contact data once", acts.enter_once),
            ("School enrolment asks, under its agreements, three departments and the profile", acts.school_asks),
            ("The school gathers what its service item needs, and asks for no more", acts.school_gathers),
            ("A tourism system without an agreement asks", acts.stranger_is_refused),
            ("The school asks for the full address; the citizen agrees, and changes their mind", acts.citizen_consents),
            ("The housing node is stopped, and the answer says so", acts.node_goes_silent),
            ("The citizen looks who asked", acts.citizen_sees),
            ("An auditor verifies the ledger; then one byte in a copy is changed", acts.auditor_verifies),
            ("Does the gateway hold anything about the citizen in the clear?", acts.nothing_leaks),
        ):
            self._next(title)
            cast.check()
            act()
            cast.check()

    def _invite(self, acts: Acts, city: City) -> None:
        """Say what to try, for each kind of user."""
        home = f"--home {city.gateway}"
        citizen, auditor = " ".join(acts.citizen), " ".join(acts.auditor)
        fetch = " ".join(acts.fetch_command(acts.school, "civil.resident:name=masked", "oncegate.profile:phone=value"))
        asking = fetch.replace(NODE, "oncegate-node")
        node = city.node("housing")
        for who, commands in (
            (
                "department system 部门系统",
                (
                    asking,
                    f"{asking} --lang zh --json",
                    " ".join(acts.gather_command()).replace(NODE, "oncegate-node") + " --lang zh",
                    f"oncegate-node service show {SERVICE} --home {acts.school}",
                    f"oncegate-node catalog list --home {acts.school}",
                ),
            ),
            (
                "citizen 公民",
                (
                    f"oncegate me profile show {citizen}",
                    f"oncegate me profile set email me@example.cn {citizen}",
                    f"oncegate me accesses {citizen}",
                    f"oncegate me consent list {citizen}",
                ),
            ),
            (
                "auditor 审计员",
                (
                    f"oncegate audit entries --kind refused {auditor}",
                    f"oncegate audit checkpoint {' '.join(acts.door)} --out {city.folder / 'kept-checkpoint'}",
                    f"oncegate audit export {city.folder / 'copy-2'} {auditor}",
                    f'oncegate audit verify {city.folder / "copy-2"} --key "$(oncegate ledger-key {home})"',
                ),
            ),
            (
                "data steward 数据管理员",
                (
                    f"oncegate-node agreement list --home {node}",
                    f"oncegate-node receipts list --home {node}",
                    f"oncegate-node check --home {node}",
                ),
            ),
            (
                "operator 运维",
                (
                    f"oncegate status {home}",
                    f"oncegate department list {home}",
                    f"oncegate agreement list {home}",
                    f"oncegate agreement revoke education-housing-property --reason trial {home}",
                ),
            ),
        ):
            self._console.print(f"\n[bold]{who}[/bold]")
            for line in commands:
                self._console.print(f"  {line}", markup=False, soft_wrap=True)
        self._console.print("\nThe commands are in .venv/bin. Everything runs until Ctrl-C.")

    @staticmethod
    def _watch(cast: Cast) -> None:
        try:
            while True:
                cast.check()
                time.sleep(_WATCH_S)
        except KeyboardInterrupt:
            return

    def _next(self, title: str) -> None:
        self._scene += 1
        passed = time.monotonic() - self._began
        self._console.print(f"\n[bold cyan]{self._scene:2}.[/bold cyan] [bold]{title}[/bold] [dim]{passed:.0f} s[/dim]")

    def _tell(self, text: str) -> None:
        self._console.print(text.rstrip(), markup=False)


def _make_anew(folder: Path) -> None:
    """Make the folder, or make it anew when an earlier demo made it.

    Raises:
        DemoFailed: Something else is there.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise DemoFailed(f"{folder} holds something that is not a demo; name another folder with --folder")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARKER).touch()


def _free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _status(city: City) -> list[dict[str, object]]:
    """The nodes in the gateway's status file."""
    found: list[dict[str, object]] = json.loads((city.gateway / STATUS_FILE).read_text(encoding="utf-8"))["nodes"]
    return found


def _connected(city: City) -> list[dict[str, object]]:
    return [node for node in _status(city) if node["connected"]]


def _published(city: City, written: Written) -> bool:
    """Whether every node is synced and every good row has its pointer."""
    pointers = {str(node["node"]).split("/")[4]: node["pointers"] for node in _connected(city)}
    return pointers == _expected(written)


def _expected(written: Written) -> dict[str, int]:
    """Pointers by department: one for each good row and resource that is made of it."""
    return {
        department: rows * written.resources[department].read_text(encoding="utf-8").count("[[resources]]")
        for department, rows in written.rows.items()
    }
