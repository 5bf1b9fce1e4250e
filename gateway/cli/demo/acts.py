"""The acts of the demo: each does one thing with the real commands, checks that it held, and says what happened."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.demo.cast import Cast, hold
from gateway.cli.demo.city import GATEWAY, NODE, PROVIDERS, City
from gateway.cli.demo.consent_act import ConsentAct
from gateway.cli.demo.issuer import DemoIssuer
from gateway.cli.output import EXIT_REFUSED, EXIT_UNVERIFIED

PURPOSE = "school_enrolment"
SERVICE = "school-enrolment"
PHONE = "13912345678"
MAILING_ADDRESS = "幸福路88号 3 单元 502"
PROFILE = (
    ("phone", PHONE),
    ("email", "parent@example.cn"),
    ("mailing_address", MAILING_ADDRESS),
    ("emergency_contact", "王建国 13800001111"),
)
ITEMS = (
    "civil.resident:name=value",
    "civil.resident:birth_date=age_at_least(18)|year",
    "civil.resident:address=masked",
    "social.insurance:status=value",
    "housing.property:location=value",
    "oncegate.profile:phone=value",
    "oncegate.profile:mailing_address=value",
)


@dataclass(frozen=True, slots=True)
class Hero:
    """The citizen of the story, known to all three registers."""

    identifier: str
    name: str
    address: str


class Acts:
    """The story.

    Args:
        city: Folders and commands.
        hero: The citizen.
        address: The people's door.
        issuer: The city's identity provider, whose token is the hero's word for a consent.
        tell: Prints a line of the story.
    """

    def __init__(self, city: City, hero: Hero, address: str, issuer: DemoIssuer, tell: Callable[[str], None]) -> None:
        self._city = city
        self._cast: Cast = city.cast
        self._hero = hero
        self._tell = tell
        self._folder = city.folder
        self.door = ("--gateway", address, "--ca", str(city.folder / "ca.pem"))
        self.citizen = (*self.door, "--token-file", str(city.folder / "tokens" / "citizen.jwt"))
        self.auditor = (*self.door, "--token-file", str(city.folder / "tokens" / "auditor.jwt"))
        self.school = str(city.system("education", "school"))
        self.booking = str(city.system("tourism", "booking"))
        self.citizen_consents = ConsentAct(
            city.cast,
            issuer,
            system=self.school,
            subject=hero.identifier,
            address=hero.address,
            purpose=PURPOSE,
            citizen=self.citizen,
            tokens=city.folder / "tokens",
            tell=tell,
        )

    def fetch_command(self, home: str, *items: str) -> tuple[str, ...]:
        """The command by which a system asks about the hero."""
        return (
            NODE,
            "fetch",
            *("--home", home, "--subject", f"cn.resident-id={self._hero.identifier}"),
            *("--purpose", PURPOSE, "--basis", "explicit_request", "--case", "2026-XX-0001"),
            *items,
        )

    def enter_once(self) -> None:
        """A citizen enters contact data once."""
        for field, value in PROFILE:
            self._cast.run(GATEWAY, "me", "profile", "set", field, value, *self.citizen)
        self._tell(f"The citizen entered {len(PROFILE)} fields; each is encrypted under a key of that person.")
        self._tell(self._cast.run(GATEWAY, "me", "profile", "show", *self.citizen))

    def school_asks(self) -> None:
        """School enrolment asks under its agreements."""
        command = self.fetch_command(self.school, *ITEMS)
        answer = self._cast.run_json(*command)
        released = {(row["resource"], row["field"]): row for row in answer["rows"] if row["status"] == "released"}
        hold(answer["complete"], "the school's answer is complete", answer)
        hold(len(released) == len(ITEMS), "every field was released", answer)
        hold(released["civil.resident", "name"]["text"] == self._hero.name, "the name is the register's", answer)
        adult = released["civil.resident", "birth_date"]
        hold((adult["form"], adult["text"]) == ("predicate", "true"), "of the birth date only a yes is told", answer)
        hold(released["oncegate.profile", "phone"]["text"] == PHONE, "the phone is the one entered once", answer)
        departments = {row["department"] for row in released.values()}
        hold(len(departments) == len(PROVIDERS), "three registers and the profile answered", answer)
        self._tell(self._cast.run(*command))

    def gather_command(self, *options: str) -> tuple[str, ...]:
        """The command by which the school gathers the evidence for an enrolment."""
        return (
            *(NODE, "service", "fetch", SERVICE, "--home", self.school),
            *("--subject", f"cn.resident-id={self._hero.identifier}", "--case", "2026-XX-0002"),
            *options,
        )

    def school_gathers(self) -> None:
        """The school asks by its service item: the first list that will do, and no alternative to it."""
        found = self._cast.run_json(*self.gather_command())
        hold(found["complete"], "the application is complete", found)
        residence = next(one for one in found["requirements"] if one["code"] == "residence")
        hold(residence["by"] == 1, "a home of one's own shows the residence", found)
        asked = {row["resource"] for answer in found["answers"] for row in answer["rows"]}
        hold("social.insurance" not in asked, "nobody asked whether the parent is insured", found)
        self._tell(self._cast.run(*self.gather_command()))

    def stranger_is_refused(self) -> None:
        """A system without an agreement is refused."""
        command = self.fetch_command(self.booking, "civil.resident:name=value")
        words = self._cast.run(*command, expect=(EXIT_REFUSED,))
        hold("NO_AGREEMENT" in words, "the refusal says why", words)
        self._tell(words)

    def node_goes_silent(self) -> None:
        """A node is stopped, and the answer says so."""
        self._cast.dismiss("housing node")
        command = self.fetch_command(self.school, *ITEMS)
        answer = self._cast.run_json(*command)
        silent = [provider for provider in answer["providers"] if not provider["answered"]]
        hold([provider["resource"] for provider in silent] == ["housing.property"], "housing is silent", answer)
        hold(not answer["complete"], "the answer does not claim to be complete", answer)
        self._tell(self._cast.run(*command))
        waits = self._cast.run_json(*self.gather_command())
        hold(waits["state"] == "unknown", "a silent register makes no application incomplete", waits)
        goes_on = self._cast.run_json(*self.gather_command("--past-silence"))
        residence = next(one for one in goes_on["requirements"] if one["code"] == "residence")
        hold((goes_on["complete"], residence["by"]) == (True, 2), "the alternative shows the residence", goes_on)
        self._tell(
            "By the service item it is not known yet; when told to go on, the registered address and insurance do."
        )
        self._cast.start("housing node", NODE, "serve", "--home", str(self._city.node("housing")))

    def citizen_sees(self) -> None:
        """The citizen sees who asked, also in vain."""
        page = self._cast.run_json(GATEWAY, "me", "accesses", *self.citizen)
        seen = {(access["department"], access["outcome"]) for access in page["accesses"]}
        hold({("education", "released"), ("tourism", "refused")} <= seen, "both askers are listed", page)
        self._tell(self._cast.run(GATEWAY, "me", "accesses", "--page-size", "4", *self.citizen))

    def auditor_verifies(self) -> None:
        """The auditor verifies a copy of the ledger; one changed byte is noticed and named."""
        key = self._cast.run(GATEWAY, "ledger-key", "--home", str(self._city.gateway)).strip()
        copy, forged = self._folder / "audit-copy", self._folder / "audit-copy-changed"
        self._cast.run(GATEWAY, "audit", "export", str(copy), *self.auditor)
        self._tell(self._cast.run(GATEWAY, "audit", "verify", str(copy), "--key", key))
        shutil.copytree(copy, forged)
        position = _change_one_byte(forged / "entries.jsonl")
        words = self._cast.run(GATEWAY, "audit", "verify", str(forged), "--key", key, expect=(EXIT_UNVERIFIED,))
        hold(f"entry {position}" in words, f"the verifier names entry {position}", words)
        self._tell(f"One byte of entry {position} was changed in a second copy; the verifier says:")
        self._tell(words)

    def nothing_leaks(self) -> None:
        """The gateway's files hold no resident's name, identifier, phone or address; the nodes' sources do."""
        wanted = {
            "identifier": self._hero.identifier,
            "name": self._hero.name,
            "address": self._hero.address,
            "phone": PHONE,
            "mailing address": MAILING_ADDRESS,
        }
        gateway = [path for path in sorted(self._city.gateway.rglob("*")) if path.is_file()]
        gateway.append(self._folder / "logs" / "gateway.log")
        for what, text in wanted.items():
            hits = [path.name for path in gateway if _holds(path, text)]
            hold(not hits, f"no {what} in the gateway's files", hits)
        nodes = [path for path in (self._folder / "data").rglob("*") if path.is_file()]
        for what in ("identifier", "name"):
            hold(any(_holds(path, wanted[what]) for path in nodes), f"the search finds the {what} at a node", "")
        self._tell(
            f"Searched {len(gateway)} files of the gateway for {', '.join(wanted)}: nothing. At the nodes: found."
        )


def _holds(path: Path, text: str) -> bool:
    """Whether a file contains a text, in UTF-8 or GB18030."""
    content = path.read_bytes()
    return text.encode() in content or text.encode("gb18030") in content


def _change_one_byte(entries: Path) -> int:
    """Change one digit of a time inside the third entry of a copy.

    Returns:
        The index of that entry.
    """
    index = 2
    content = bytearray(entries.read_bytes())
    start = 0
    for _ in range(index):
        start = content.index(b"\n", start) + 1
    # ..."time_ms\":1790000000000: the last of its thirteen digits.
    place = content.index(b"time_ms", start) + len(b'time_ms\\":') + 12
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    entries.write_bytes(content)
    return index
