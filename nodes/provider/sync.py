"""Compares a source with what is published and writes the differences into the outbox.

Rules kept here: a record and its index change are one transaction; what a comparison wrote before a crash stays
right, since the next one starts from what is published. **Nothing is removed on a scan that failed**, broke off, had
too many bad rows or would remove too large a share: then the last state stays published and the failure is noted.

A record of the department's withheld list and a record with a bad identifier are not published.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from nodes.clock import Clock
from nodes.errors import SourceFailed
from nodes.provider.config import ProvidedResource
from nodes.provider.connectors import BadRow, Connector, Row, key_text
from nodes.provider.connectors.times import updated_ms
from nodes.provider.state import Records, Scans
from nodes.provider.state.records import PART, Seen
from nodes.provider.state.scans import MOST_NOTES
from policies.identifiers import BadIdentifier, normalise

FEW: Final = 10
"""Below this many published records any share may be removed at once."""


class Stopped(Exception):
    """The node is being stopped; the comparison ends without a result."""


@dataclass(slots=True)
class _Tally:
    """What a scan has seen.

    Keys are remembered as 64-bit hashes to save memory. Two keys with one hash are taken for a key that stands in two
    rows, so neither is served; at ten million records the chance of one such pair is about 3 in a million.
    """

    good: int = 0
    bad: int = 0
    notes: list[BadRow] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    not_served: set[str] = field(default_factory=set)
    deferred: list[Seen] = field(default_factory=list)

    def note(self, row: BadRow) -> None:
        self.bad += 1
        if len(self.notes) < MOST_NOTES:
            self.notes.append(row)
        if row.key is not None:
            self.not_served.add(row.key)


class Comparison:
    """Keeps one resource's published records equal to its source.

    Args:
        resource: The resource.
        connector: Reads its source.
        records: What is published.
        scans: How comparisons went.
        withheld: Keys, as in the source, of records that are never released.
        clock: Tells when.
    """

    def __init__(
        self,
        *,
        resource: ProvidedResource,
        connector: Connector,
        records: Records,
        scans: Scans,
        withheld: frozenset[str],
        clock: Clock,
    ) -> None:
        self._resource = resource
        self._connector = connector
        self._records = records
        self._scans = scans
        self._withheld = withheld
        self._clock = clock
        self._listed = not resource.description.unlisted
        self._doubtful: set[str] = set()

    def run(self, *, stopping: Callable[[], bool] = lambda: False, changed: Callable[[], None] = lambda: None) -> bool:
        """Compares once.

        Args:
            stopping: Asked between parts; true ends the comparison.
            changed: Told when the outbox has grown.

        Returns:
            Whether the comparison counts; if not, its failure is noted and nothing was removed.

        Raises:
            StateUnusable: The node's own database cannot write.
            Stopped: `stopping` said so.
        """
        began_ms = self._clock.now_ms()
        tally = _Tally()
        try:
            self._connector.probe()
            self._publish(tally, stopping, changed)
            gone = self._gone(tally)
        except SourceFailed as failure:
            self._scans.failed(self._resource.code, began_ms, failure.detail)
            return False
        for start in range(0, len(gone), PART):
            if stopping():
                raise Stopped
            self._records.withdraw(self._resource.code, gone[start : start + PART], listed=self._listed)
            changed()
        self._scans.succeeded(self._resource.code, began_ms, tally.good, tally.bad, tally.notes)
        return True

    def _publish(self, tally: _Tally, stopping: Callable[[], bool], changed: Callable[[], None]) -> None:
        good = self._good_rows(tally)
        while part := list(islice(good, PART)):
            if stopping():
                raise Stopped
            written = self._records.publish(
                self._resource.code,
                self._resource.subject_scheme,
                self._resource.handles,
                part,
                listed=self._listed,
            )
            if written:
                changed()

    def _good_rows(self, tally: _Tally) -> Iterator[Seen]:
        for row in self._connector.scan():
            if isinstance(row, BadRow):
                tally.note(row)
                continue
            if key_text(row.key) in self._withheld:
                continue
            place = hash(row.key)
            if place in tally.seen:
                tally.note(BadRow(None, "the key stands in another row too", row.key))
                continue
            try:
                seen = self._seen(row)
            except BadIdentifier as error:
                tally.note(BadRow(None, f"key column and subject column: {error}", row.key))
                continue
            tally.seen.add(place)
            tally.good += 1
            if row.key in self._doubtful:
                tally.deferred.append(seen)
            else:
                yield seen
        # Keys that stood in two rows last time wait until the whole source was seen; else such a record would be
        # published and withdrawn at every comparison.
        self._doubtful = set(tally.not_served)
        yield from (seen for seen in tally.deferred if seen.key not in tally.not_served)

    def _seen(self, row: Row) -> Seen:
        resource = self._resource
        identifier = normalise(resource.subject_scheme, row.values.get(resource.subject_column) or "")
        values = [row.values.get(column) for column in resource.columns]
        return Seen(
            key=row.key,
            identifier=identifier,
            digest=self._records.digest(resource.code, [identifier, *values]),
            updated_ms=updated_ms(row.values.get(resource.updated_column), resource.utc_offset),
        )

    def _gone(self, tally: _Tally) -> list[str]:
        """Published records to withdraw.

        Raises:
            SourceFailed: The scan is not believed: too many bad rows, or too much would go.
        """
        code, total = self._resource.code, tally.good + tally.bad
        if total and tally.bad / total > self._resource.max_bad:
            raise SourceFailed(f"{code}: {tally.bad} of {total} rows are bad, more than max_bad allows")
        published = 0
        gone: list[str] = []
        for key in self._records.live_keys(code):
            published += 1
            if hash(key) not in tally.seen or key in tally.not_served:
                gone.append(key)
        if published >= FEW and len(gone) / published > self._resource.max_removed:
            raise SourceFailed(f"{code}: {len(gone)} of {published} records would go, more than max_removed allows")
        return gone
