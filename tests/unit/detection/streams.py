"""Streams of reads for rules: an office whose days are alike, and what one of its officials does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

from gateway.detection.alerts import Alert
from gateway.detection.engine import Engine
from gateway.detection.reads import Finding, Read, Review
from gateway.detection.relations import Pair, Relation
from gateway.detection.rules import Rule
from gateway.detection.thresholds import Thresholds
from policies.civil_time import day_begins_ms

FIRST = 20_458
"""A Monday."""
HOUR_MS = 3_600_000
SYSTEM = "spiffe://gov.test/department/welfare/system/benefits"


def person(number: int) -> bytes:
    return number.to_bytes(16, "big")


class Known:
    """Relations that were answered."""

    def __init__(self) -> None:
        self.answers: dict[Pair, frozenset[Relation]] = {}

    def known(self, pairs: Sequence[Pair]) -> Mapping[Pair, frozenset[Relation]]:
        return {pair: self.answers[pair] for pair in pairs if pair in self.answers}


class Office:
    """Twelve officials who read some twenty people a day, with cases, from nine to five; days from a Monday on."""

    def __init__(self, system: str = SYSTEM) -> None:
        self.system = system
        self.reads: list[Read] = []
        self._random = Random(7)
        self._case = 0

    def new_case(self) -> str:
        self._case += 1
        return f"C-{self._case}"

    def weeks(self, count: int, officials: int = 12, people: int = 20, **changes: object) -> "Office":
        for day in range(count * 7):
            if day % 7 < 5:
                for one in range(officials):
                    self.ordinary(FIRST + day, f"official-{one}", people, **changes)
        return self

    def ordinary(self, day: int, official: str, people: int, **changes: object) -> None:
        for _ in range(people + self._random.randint(-3, 3)):
            at = day_begins_ms(day) + 9 * HOUR_MS + self._random.randrange(8 * HOUR_MS)
            self.read(day, official, self._random.getrandbits(100), at_ms=at, **changes)

    def read(self, day: int, official: str, about: int, *, hour: float = 10, at_ms: int = 0, **changes: object) -> None:
        said: dict[str, object] = {
            "entry": 0,
            "asked": 0,
            "time_ms": at_ms or day_begins_ms(day) + int(hour * HOUR_MS),
            "department": "welfare",
            "system": self.system,
            "official": official,
            "person": person(about) if about >= 0 else b"",
            "purpose": "benefit_claim",
            "case": self.new_case(),
            "outcome": "released",
            "reason": "",
            "emergency": "",
            "asks": "basic",
        }
        self.reads.append(Read(**{**said, **changes}))  # type: ignore[arg-type]

    def logged(self) -> list[Read]:
        ordered = sorted(self.reads, key=lambda read: read.time_ms)
        return [read._replace(entry=2 * n + 1, asked=2 * n) for n, read in enumerate(ordered)]


def engine(listed: Callable[[bytes], str] = lambda _: "", known: Known | None = None, **settings: object) -> Engine:
    return Engine(Thresholds(**settings), listed, known or Known())  # type: ignore[arg-type]


def alerts(
    office: Office,
    listed: Callable[[bytes], str] = lambda _: "",
    known: Known | None = None,
    reviews: Iterable[tuple[Callable[[Read], bool], int, Finding]] = (),
    **settings: object,
) -> list[Alert]:
    """What an engine finds; the day after the last read is begun, so that every day is closed."""
    looking = engine(listed, known, **settings)
    logged = office.logged()
    events: list[tuple[int, Read | Review]] = [(read.time_ms, read) for read in logged]
    for matches, after_ms, finding in reviews:
        for read in logged:
            if matches(read):
                at = read.time_ms + after_ms
                events.append((at, Review(read.entry, at, read.asked, finding)))
    found: dict[bytes, Alert] = {}
    last = max(time for time, _ in events) + 26 * HOUR_MS
    closing = logged[-1]._replace(entry=10**6, time_ms=last, official="closing", person=b"", system="spiffe://x")
    for _, event in [*sorted(events, key=lambda one: one[0]), (last, closing)]:
        looking.feed(event) if isinstance(event, Read) else looking.review(event)
        for alert in looking.take().alerts:
            found[alert.id] = alert
    return list(found.values())


def rules(found: list[Alert]) -> set[Rule]:
    return {rule for alert in found for rule in alert.rules}
