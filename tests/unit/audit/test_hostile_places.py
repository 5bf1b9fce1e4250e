"""A copy, a folder or an address that means harm is named or refused, and never holds the verifier up."""

import json
import os
import time
from pathlib import Path

import pytest

from gateway.audit.verify import layout
from gateway.audit.verify.check import check
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.places import Address
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.merkle import root_of
from tests.support import tile_server
from tests.support.copies import Copy, honest_copy
from tests.support.ledgers import NOTE_KEY, ORIGIN
from tests.support.tile_server import Behaviour, misbehaving, serving
from tests.support.tiled import entries, place_of, tiled

KEY = NOTE_KEY.vkey
WITHIN_S = 0.4
SIZE = 300


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return honest_copy(tmp_path_factory.mktemp("log"))


def fault_of(place: object) -> str:
    return str(check(str(place), KEY).document.get("fault", "verified"))


@pytest.mark.parametrize(
    "behave",
    [
        tile_server.stall,
        tile_server.drip,
        tile_server.headers_without_end,
        tile_server.interim_answers_without_end,
        tile_server.trailers_without_end,
        tile_server.elsewhere,
        tile_server.no_http,
    ],
    ids=lambda behave: str(behave.__name__),
)
def test_a_server_that_stalls_drips_floods_or_misleads_is_left_in_time(behave: Behaviour) -> None:
    begun = time.monotonic()
    with misbehaving(behave) as address:
        place = Address(address, WITHIN_S)
        with pytest.raises(VerificationFailed) as caught:
            place.read("checkpoint", 1000)
        place.close()
    assert caught.value.fault is Fault.NOT_REACHED
    assert time.monotonic() - begun < 3.0


def test_of_content_without_end_no_more_is_read_than_a_tile_can_hold() -> None:
    with misbehaving(tile_server.content_without_end) as address:
        place = Address(address)
        assert len(place.read("tile/0/000", 8192) or b"") == 8193
        place.close()


def test_what_is_packed_is_not_unpacked() -> None:
    with misbehaving(tile_server.packed) as address:
        assert fault_of(address) == "COPY_MALFORMED"


def test_tiles_that_are_cut_too_long_or_others_over_an_address_are_named(tmp_path: Path) -> None:
    honest = tiled(entries(SIZE))
    bundle, hashes = place_of(290, SIZE).path, place_of(290, SIZE, 0).path
    for number, (name, change) in enumerate(
        [
            (bundle, lambda raw: raw[:-1]),
            (bundle, lambda raw: raw + b"\0"),
            (bundle, lambda _: b"\xff\xff" * 40_000),
            (hashes, lambda raw: raw[32:]),
            (hashes, lambda raw: raw + raw),
            (hashes, lambda _: b""),
        ]
    ):
        folder = honest.with_file(name, change(honest.files[name])).write(tmp_path / str(number))
        with serving(folder) as address:
            document = check(address, KEY).document
        assert (document["fault"], document["first"], document["last"]) == ("TILE_MALFORMED", 256, SIZE - 1), name
    # A tile that the head does not cover is nobody's business.
    extra = honest.with_file("tile/0/001", b"x").with_file("tile/9/000", b"x").write(tmp_path / "extra")
    with serving(extra) as address:
        assert check(address, KEY).verified


@pytest.mark.parametrize("name", [layout.ENTRIES, layout.CHECKPOINT, layout.CHECKPOINTS])
def test_a_pipe_a_device_or_a_folder_in_the_place_of_a_file_is_refused_at_once(
    copy: Copy, tmp_path: Path, name: str
) -> None:
    for number, make in enumerate((os.mkfifo, lambda path: path.symlink_to("/dev/zero"), os.mkdir)):
        folder = tmp_path / str(number)
        copy.write(folder)
        (folder / name).unlink()
        make(folder / name)
        assert fault_of(folder) == "COPY_MALFORMED"


def test_a_link_among_tiles_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    folder = tiled(entries(SIZE)).write(tmp_path / "log")
    hashes = folder / place_of(0, SIZE, 0).path
    kept = tmp_path / "elsewhere"
    hashes.rename(kept)
    hashes.symlink_to(kept)
    assert check(str(folder), KEY).verified
    for target, fault in (
        ("/etc/passwd", "TILE_MALFORMED"),
        ("/dev/zero", "COPY_MALFORMED"),
        ("/nowhere", "TILE_MISSING"),
    ):
        hashes.unlink()
        hashes.symlink_to(target)
        assert fault_of(folder) == fault
    hashes.unlink()
    hashes.symlink_to(hashes)
    assert fault_of(folder) == "COPY_MALFORMED"


def test_entries_that_are_doubled_or_reordered_are_named_at_the_first_place_that_is_wrong(
    copy: Copy, tmp_path: Path
) -> None:
    lines = list(copy.lines)
    for place in range(len(lines)):
        doubled = [*lines[: place + 1], *lines[place:]]
        with pytest.raises(VerificationFailed) as caught:
            copy.with_lines(doubled).verify(tmp_path / "copy")
        beyond = place == len(lines) - 1
        assert caught.value.fault is (Fault.ENTRY_BEYOND_CHECKPOINT if beyond else Fault.ENTRY_OUT_OF_PLACE)
        assert caught.value.first == place + 1
        for other in range(place):
            turned = [*lines[:other], *reversed(lines[other : place + 1]), *lines[place + 1 :]]
            with pytest.raises(VerificationFailed) as caught:
                copy.with_lines(turned).verify(tmp_path / "copy")
            assert (caught.value.fault, caught.value.first) == (Fault.ENTRY_MISSING, other)


def test_deep_long_or_endless_text_is_malformed_and_nothing_else(copy: Copy, tmp_path: Path) -> None:
    for number, hostile in enumerate(
        (
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b"9" * 100_000,
            b'"' + b"x" * 5_000_000,
            b"\0" * 100,
            b"\xff\xfe",
            b"{}",
            b"",
        )
    ):
        folder = tmp_path / str(number)
        copy.write(folder)
        with (folder / layout.CHECKPOINTS).open("ab") as file:
            file.write(hostile + b"\n")
        assert fault_of(folder) == "COPY_MALFORMED"
        copy.write(folder)
        (folder / layout.ENTRIES).write_bytes(hostile + b"\n" + b"\n".join(copy.lines) + b"\n")
        assert fault_of(folder) in {"ENTRY_MALFORMED", "COPY_MALFORMED"}
        copy.write(folder)
        (folder / layout.CHECKPOINT).write_bytes(hostile)
        assert fault_of(folder) in {"CHECKPOINT_BAD", "COPY_MALFORMED"}


def test_a_note_with_other_line_ends_is_another_note(copy: Copy, tmp_path: Path) -> None:
    copy.write(tmp_path)
    (tmp_path / layout.CHECKPOINT).write_bytes(copy.notes[-1].encode().replace(b"\n", b"\r\n"))
    assert fault_of(tmp_path) == "CHECKPOINT_BAD"


def test_a_copy_without_entries_is_of_an_empty_log_or_not_verified(copy: Copy, tmp_path: Path) -> None:
    empty = sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, 0, root_of([])))
    copy.write(tmp_path)
    (tmp_path / layout.ENTRIES).write_bytes(b"")
    assert fault_of(tmp_path) in {"ENTRY_MISSING", "ENTRIES_REWRITTEN"}
    (tmp_path / layout.CHECKPOINT).write_text(empty)
    (tmp_path / layout.CHECKPOINTS).write_text(json.dumps(empty) + "\n")
    outcome = check(str(tmp_path), KEY)
    assert outcome.verified
    assert not any("1970" in line for line in outcome.lines)
    # Who kept a head knows better.
    (tmp_path / "kept").write_text(copy.head(3))
    document = check(str(tmp_path), KEY, [tmp_path / "kept"]).document
    assert (document["fault"], document["first"]) == ("LOG_SHRANK", 0)
