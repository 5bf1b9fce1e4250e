"""A log in tiles: what the gateway gives out verifies, and every change to it is detected and named."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.audit.published import OtherLog, write_tiles
from gateway.audit.store import ENTRIES as ROWS
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.tiled import leaves_at, verify_tiles
from gateway.storage.database import open_database
from keys.log.checkpoints import parse_checkpoint
from keys.log.merkle import leaf_hash, verify_consistency
from keys.log.notes import NoteSigner, NoteVerifier, split_note
from keys.log.tiles import ENTRIES, Tile, bundles_of, split_entries, tiles_of
from tests.support.ledgers import NOTE_KEY, ORIGIN, asked, make_ledger
from tests.support.tile_server import serving
from tests.support.tiled import Tiled, entries, entry, head_of, place_of, tiled

KEY = NOTE_KEY.vkey
SIZE = 600
HONEST = tiled(entries(SIZE))


def failure_of(
    log: Tiled, folder: Path, earlier: tuple[str, ...] = (), before: Path | None = None
) -> VerificationFailed:
    with pytest.raises(VerificationFailed) as caught:
        verify_tiles(log.write(folder), KEY, earlier, None if before is None else leaves_at(before, KEY))
    return caught.value


def named(failure: VerificationFailed) -> tuple[Fault, int | None, int | None]:
    return failure.fault, failure.first, failure.last


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    engine = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    ledger = make_ledger(engine)
    for number in range(300):
        ledger.append_blocking(asked(number))
    ledger.erase_person_part(7, "COURT_ORDER")
    ledger.stop()
    yield ledger
    engine.dispose()


def test_what_the_gateway_gives_out_is_the_log_and_verifies(ledger: SqlLedger, tmp_path: Path) -> None:
    assert write_tiles(ledger.published, tmp_path / "tiles") == 301
    report = verify_tiles(tmp_path / "tiles", KEY)
    assert (report.origin, report.size, report.tiles) == (ORIGIN, 301, 3)
    assert report.root == parse_checkpoint(split_note(ledger.checkpoint())[0]).root.hex()
    assert list(leaves_at(tmp_path / "tiles", KEY)) == [ledger.entry(index).leaf_hash for index in range(301)]
    for tile in [*tiles_of(301), *bundles_of(301)]:
        assert (tmp_path / "tiles" / tile.path).read_bytes() == ledger.published.read(tile.path)


def test_a_bundle_holds_commitments_and_no_word_of_an_entry(ledger: SqlLedger) -> None:
    raw = ledger.published.read("tile/entries/000")
    parts = split_entries(Tile(ENTRIES, 0), raw)
    assert {len(part) for part in parts} == {81}
    assert [leaf_hash(part) for part in parts] == [ledger.entry(index).leaf_hash for index in range(256)]
    line = ledger.entry(3)
    assert not any(secret in raw for secret in (b"asked", b"civil", line.accountability_salt, line.person_salt))
    # An erased part leaves its commitment, so the bundle stays what it was.
    assert leaf_hash(parts[7]) == ledger.entry(7).leaf_hash


def test_nothing_behind_the_newest_head_is_given_out(ledger: SqlLedger) -> None:
    published = ledger.published
    for path in ("tile/0/001.p/45", "tile/entries/001.p/45", "tile/0/000.p/255", "tile/1/000.p/1"):
        assert published.read(path)
    for path in (
        "tile/0/001.p/46", "tile/0/001", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/0/002",
        "", "/checkpoint", "tile/0/000/", "tile/entries/../checkpoint", "gateway.toml",
    ):  # fmt: skip
        with pytest.raises(NoSuchEntry):
            published.read(path)


def test_a_stored_entry_that_does_not_fit_is_not_given_out(ledger: SqlLedger) -> None:
    with ledger._engine.begin() as connection:
        connection.execute(update(ROWS).where(ROWS.c.leaf_index == 9).values(hashes=b"short"))
    for path in ("tile/0/000", "tile/entries/000"):
        with pytest.raises(LedgerCorrupt):
            ledger.published.read(path)


def test_two_who_write_one_folder_at_once_do_not_meet(ledger: SqlLedger, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(lambda _: write_tiles(ledger.published, folder), range(4))) == [301] * 4
            verify_tiles(folder, KEY)
            (folder / "checkpoint").unlink()
    assert not list(folder.rglob("*.new"))


def test_a_folder_of_tiles_is_gone_on_with_and_never_mixed_with_another_log(ledger: SqlLedger, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    write_tiles(ledger.published, folder)
    kept = (folder / "checkpoint").read_text()
    unchanged = (folder / "tile/0/000").stat().st_mtime_ns
    more = make_ledger(ledger._engine)
    for number in range(250):
        more.append_blocking(asked(number))
    more.stop()
    assert write_tiles(more.published, folder) == 551
    assert (folder / "tile/0/000").stat().st_mtime_ns == unchanged
    assert verify_tiles(folder, KEY, [kept]).earlier_size == 301
    # The fourth stands for a log that has lost its end since the folder was written.
    for foreign in (
        head_of(entries(551)),
        head_of(entries(9)),
        kept.replace(ORIGIN, "gov.example/other"),
        head_of(entries(552)),
        "no note",
    ):
        (folder / "checkpoint").write_text(foreign)
        with pytest.raises(OtherLog):
            write_tiles(more.published, folder)


def test_honest_tiles_of_every_shape_verify(tmp_path: Path) -> None:
    for size in (0, 1, 2, 255, 256, 257, 511, 512, 600):
        report = verify_tiles(tiled(entries(size)).write(tmp_path / str(size)), KEY, [head_of(entries(size // 2))])
        assert (report.size, report.earlier_size) == (size, size // 2)


def test_a_partial_tile_that_was_dropped_is_taken_out_of_the_full_one(tmp_path: Path) -> None:
    log = HONEST.with_file("checkpoint", head_of(entries(300)).encode())
    log = log.with_file("tile/1/000.p/1", HONEST.files["tile/1/000.p/2"][:32])
    assert verify_tiles(log.write(tmp_path), KEY).size == 300


def test_every_changed_file_is_named_with_the_entries_that_it_touches(tmp_path: Path) -> None:
    for name, content in HONEST.files.items():
        if name == "checkpoint":
            continue
        for place in range(0, len(content), 997):
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            failure = failure_of(HONEST.with_file(name, changed), tmp_path)
            assert failure.evidence["file"].split(".p")[0].rpartition("/")[2] == name.split(".p")[0].rpartition("/")[2]
            width = 83 if "entries" in name else 32
            index = int(name.split(".p")[0].rpartition("/")[2]) * 256 + place // width
            if name.startswith("tile/1/"):
                assert named(failure) == (Fault.TILE_CONTRADICTS, place // 32 * 256, place // 32 * 256 + 255)
            elif failure.fault is Fault.ENTRY_CHANGED:
                assert failure.first == failure.last == index
            else:
                assert failure.fault is Fault.TILE_MALFORMED


def test_every_truncated_or_missing_file_is_named(tmp_path: Path) -> None:
    for number, (name, content) in enumerate(HONEST.files.items()):
        if name == "checkpoint":
            continue
        for kept in (content[:-1], content[: len(content) // 2], b"", content + b"\0"):
            failure = failure_of(HONEST.with_file(name, kept), tmp_path / f"cut{number}")
            assert (failure.fault, failure.evidence["file"]) == (Fault.TILE_MALFORMED, name)
        failure = failure_of(HONEST.with_file(name, None), tmp_path / f"gone{number}")
        assert (failure.fault, failure.evidence["file"]) == (Fault.TILE_MISSING, name)


def _edited(index: int) -> list[bytes]:
    return [*entries(index), entry(index, 1), *entries(SIZE)[index + 1 :]]


def _removed(index: int) -> list[bytes]:
    return [*entries(index), *entries(SIZE)[index + 1 :]]


def _swapped(index: int) -> list[bytes]:
    other = (index + 301) % SIZE
    log = entries(SIZE)
    log[index], log[other] = log[other], log[index]
    return log


def test_entries_and_hashes_rewritten_together_without_the_key_do_not_fit_the_head(tmp_path: Path) -> None:
    for index in (0, 255, 256, 599):
        failure = failure_of(tiled(_edited(index), HONEST.note), tmp_path / str(index))
        # The whole tree was made anew, so only the head tells.
        assert named(failure) == (Fault.ENTRIES_REWRITTEN, 0, SIZE - 1)
        # With the tiles above left as they were, the block is known.
        above = tiled(_edited(index), HONEST.note).with_file("tile/1/000.p/2", HONEST.files["tile/1/000.p/2"])
        block = index // 256 * 256
        expected = (block, block + 255) if index < 512 else (0, SIZE - 1)
        assert named(failure_of(above, tmp_path / f"{index}-above"))[1:] == expected


def test_a_rewriting_signed_with_the_logs_own_key_is_detected_by_what_was_kept_and_proved(tmp_path: Path) -> None:
    kept = HONEST.write(tmp_path / "kept")
    verifier = NoteVerifier(KEY)
    for number, index in enumerate((0, 1, 254, 255, 256, 511, 512, 598)):
        for attack in (_edited(index), _removed(index), _swapped(index)):
            forged = tiled([*attack, *(entry(place, 2) for place in range(len(attack), SIZE + 9))])
            folder = tmp_path / f"{number}-{len(attack)}"
            first = min(index, (index + 301) % SIZE) if attack == _swapped(index) else index
            # With the public key alone nothing contradicts it: this is why verifiers keep checkpoints.
            assert verify_tiles(forged.write(folder), KEY).size == SIZE + 9
            failure = failure_of(forged, folder, (head_of(entries(index)) if index else HONEST.note, HONEST.note))
            assert failure.fault is Fault.LOG_FORKED
            assert failure.first is not None
            assert failure.first <= first <= (failure.last or 0)
            assert named(failure_of(forged, folder, (HONEST.note,), kept)) == (Fault.LOG_FORKED, first, first)
            # The evidence stands by itself: the later head continues another tree than the one signed before.
            earlier = parse_checkpoint(verifier.verify(str(failure.evidence["signed_note"])))
            later = parse_checkpoint(verifier.verify(str(failure.evidence["later_note"])))
            other = bytes.fromhex(str(failure.evidence["computed_root"]))
            path = [_bytes(one) for one in str(failure.evidence["consistency_proof"]).split()]
            verify_consistency(earlier.size, other, later.size, later.root, path)
            assert other != earlier.root


def _bytes(text: str) -> bytes:
    import base64

    return base64.b64decode(text, validate=True)


def test_a_log_that_was_cut_is_shorter_than_what_was_kept(tmp_path: Path) -> None:
    failure = failure_of(tiled(entries(400)), tmp_path, (HONEST.note,))
    assert named(failure) == (Fault.LOG_SHRANK, 400, 400)
    assert failure.evidence["signed_note"] == HONEST.note
    assert failure.evidence["later_note"] == head_of(entries(400))


def test_heads_of_strangers_prove_nothing(tmp_path: Path) -> None:
    stranger = head_of(entries(SIZE), NoteSigner(ORIGIN, b"s" * 32))
    assert failure_of(HONEST.with_file("checkpoint", stranger.encode()), tmp_path).fault is Fault.CHECKPOINT_BAD
    assert failure_of(HONEST, tmp_path, (stranger,)).fault is Fault.EARLIER_CHECKPOINT_BAD
    assert failure_of(HONEST.with_file("checkpoint", b"\xff"), tmp_path).fault is Fault.COPY_MALFORMED
    assert failure_of(HONEST.with_file("checkpoint", None), tmp_path / "none").fault is Fault.COPY_MALFORMED


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    with serving(tmp_path) as address:
        yield f"{address}log/", tmp_path / "log"


def test_a_log_is_verified_from_an_address_and_changes_there_are_named(served: tuple[str, Path]) -> None:
    address, folder = served
    HONEST.write(folder)
    assert verify_tiles(address, KEY, [head_of(entries(100))]).size == SIZE
    (folder / place_of(300, SIZE).path).write_bytes(b"")
    with pytest.raises(VerificationFailed) as caught:
        verify_tiles(address, KEY)
    assert caught.value.fault is Fault.TILE_MALFORMED
    (folder / place_of(300, SIZE).path).write_bytes(b"\0" * (256 * 65_537 + 1))
    with pytest.raises(VerificationFailed) as caught:
        verify_tiles(address, KEY)
    assert caught.value.fault is Fault.TILE_MALFORMED


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1",
        "ftp://127.0.0.1/",
        "http://",
        "http://[::1",
        "http://h:99999/",
        "http://h/?a=1",
        "http://h/#a",
    ],
)
def test_an_address_that_cannot_be_read_is_said_to_be_so(address: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        verify_tiles(address, KEY)
    assert caught.value.fault is Fault.NOT_REACHED
