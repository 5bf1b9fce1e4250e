"""The department's own copies of agreements: what is in the folder counts, and only what holds."""

from pathlib import Path

import pytest

from nodes.enrolment.agreement_files import accept_agreement
from nodes.enrolment.agreement_stops import Stop, resume, stop, stopped
from nodes.enrolment.errors import BadInput
from nodes.provider.agreements import AgreementBook
from tests.support.provider_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def book(world: World) -> AgreementBook:
    key = world.provider_key.verify_key.fingerprint
    return AgreementBook(world.folder / "agreements", "civil", key, world.clock)


def test_an_accepted_agreement_counts_and_a_newer_revision_replaces_it(world: World, book: AgreementBook) -> None:
    assert {a.revision for a in book.all().values()} == {1}
    newer = world.accept_agreement(revision=3)
    agreement = book.get("civil-education-1")
    assert agreement is not None
    assert agreement.revision == 1
    world.clock.at_ms += 500
    agreement = book.get("civil-education-1")
    assert agreement is not None
    assert (agreement.revision, agreement.raw) == (3, newer)


def test_of_two_files_of_one_agreement_the_higher_revision_counts(world: World, book: AgreementBook) -> None:
    folder = world.folder / "agreements"
    for ending in (".toml", ".sig"):
        (folder / f"civil-education-1{ending}").rename(folder / f"z-old{ending}")
    world.accept_agreement(revision=2)
    agreement = book.get("civil-education-1")
    assert agreement is not None
    assert agreement.revision == 2
    assert book.problems() == ()


def test_a_file_that_was_changed_or_has_no_signature_counts_as_absent_and_is_listed(
    world: World, book: AgreementBook
) -> None:
    file = world.folder / "agreements" / "civil-education-1.toml"
    file.write_text(file.read_text().replace("uses_per_day = 1000", "uses_per_day = 9999"))
    (world.folder / "agreements" / "other.toml").write_text("format = 1")
    assert book.get("civil-education-1") is None
    assert [problem.file for problem in book.problems()] == ["civil-education-1.toml", "other.toml"]


def test_a_folder_that_is_gone_is_empty_and_comes_back(world: World, book: AgreementBook) -> None:
    folder = world.folder / "agreements"
    assert book.all()
    folder.rename(world.folder / "away")
    world.clock.at_ms += 500
    assert dict(book.all()) == {}
    (world.folder / "away").rename(folder)
    world.clock.at_ms += 500
    assert book.get("civil-education-1") is not None


def test_an_agreement_in_which_we_are_not_the_provider_does_not_count(world: World) -> None:
    key = world.provider_key.verify_key.fingerprint
    book = AgreementBook(world.folder / "agreements", "tax", key, world.clock)
    assert dict(book.all()) == {}
    assert [problem.key for problem in book.problems()] == ["provider"]


def test_what_the_department_stopped_is_stopped_within_half_a_second_and_resumed_likewise(
    world: World, book: AgreementBook
) -> None:
    folder = world.folder / "agreements"
    assert not book.stopped("civil-education-1")
    stop(folder, "civil-education-1", Stop.SUSPENDED, 1)
    world.clock.at_ms += 500
    assert book.stopped("civil-education-1")
    resume(folder, "civil-education-1")
    world.clock.at_ms += 500
    assert not book.stopped("civil-education-1")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"stopped": "maybe"}', b"\xff"])
def test_a_stop_that_cannot_be_read_stops_all_the_same(world: World, book: AgreementBook, content: bytes) -> None:
    folder = world.folder / "agreements"
    (folder / "civil-education-1.stopped").write_bytes(content)
    assert book.stopped("civil-education-1")
    assert stopped(folder, "civil-education-1") is Stop.SUSPENDED


def test_what_was_terminated_is_neither_suspended_resumed_nor_accepted_again(world: World) -> None:
    folder = world.folder / "agreements"
    stop(folder, "civil-education-1", Stop.TERMINATED, 1)
    stop(folder, "civil-education-1", Stop.SUSPENDED, 2)
    assert stopped(folder, "civil-education-1") is Stop.TERMINATED
    with pytest.raises(BadInput, match="final"):
        resume(folder, "civil-education-1")
    file = folder / "civil-education-1.toml"
    own, other = world.provider_key.verify_key.fingerprint, world.consumer_key.verify_key.fingerprint
    with pytest.raises(BadInput, match="final"):
        accept_agreement(file, folder, department="civil", own_key=own, accepted=other)
