"""Epoch statements: one spelling, parts that fit each other, a chain, and heads that are not hidden."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from keys.errors import BadEpoch, HeadHidden, TooFewCustodians
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.custodians import Custodians, merge, read_unsigned, sign_statement
from keys.log.epochs import Chain, EpochStatement, check_reason, check_statement, parse_statement
from keys.log.notes import NoteSigner

OLD = NoteSigner("city.example/ledger", bytes([1]) * 32)
NEW = NoteSigner("city.example/ledger/2", bytes([2]) * 32)
THIRD = NoteSigner("city.example/ledger/3", bytes([3]) * 32)
FIVE = [NoteSigner(f"city.example/custodian/{number}", bytes([number]) * 32) for number in range(10, 15)]
PINNED = Custodians([one.vkey for one in FIVE], 3)


def root(number: int) -> bytes:
    return bytes([number]) * 32


def head(size: int, signer: NoteSigner = OLD, of: int = 9) -> str:
    return sign_checkpoint(signer, Checkpoint(signer.name, size, root(of)))


SECOND = EpochStatement(
    number=2,
    origin=NEW.name,
    key=NEW.vkey,
    previous_origin=OLD.name,
    previous_key=OLD.vkey,
    previous_statement=b"",
    restored_size=100,
    restored_root=root(7),
    last=head(150),
    time_ms=1_764_150_000_000,
    reason="fire in the machine room 机房失火",
)


def after(before: EpochStatement, restored: int = 90) -> EpochStatement:
    return replace(
        SECOND,
        number=3,
        origin=THIRD.name,
        key=THIRD.vkey,
        previous_origin=NEW.name,
        previous_key=NEW.vkey,
        previous_statement=before.digest,
        restored_size=restored,
        last=head(180, NEW),
    )


def signed_by(statement: EpochStatement, signers: Sequence[NoteSigner]) -> str:
    note = statement.text()
    for signer in signers:
        note = sign_statement(note, signer)
    return note


def test_a_statement_is_read_back_as_it_was_written() -> None:
    assert parse_statement(SECOND.text()) == SECOND
    assert SECOND.lost == 50
    assert SECOND.last_head == Checkpoint(OLD.name, 150, root(9))
    check_statement(after(SECOND))


def test_no_other_spelling_is_read() -> None:
    text = SECOND.text()
    lines = text.splitlines()
    for number, line in enumerate(lines):
        name, _, value = line.partition(" ")
        for other in (f"{name}  {value}", f"{name} {value} ", f"x{line}", line.upper()):
            if other != line and not (name == "reason" and other == f"{name}  {value}"):
                with pytest.raises(BadEpoch):
                    parse_statement("\n".join([*lines[:number], other, *lines[number + 1 :]]) + "\n")
        with pytest.raises(BadEpoch):
            parse_statement("\n".join(lines[:number] + lines[number + 1 :]) + "\n")
    for broken in (text[:-1], text + "\n", text + "more 1\n", "", text.replace("lost 50", "lost 49")):
        with pytest.raises(BadEpoch):
            parse_statement(broken)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"number": 1}, "number"),
        ({"number": 3}, "origin|previous"),
        ({"origin": "city.example/ledger/3"}, "origin"),
        ({"origin": "else.example/ledger/2"}, "origin"),
        ({"key": OLD.vkey}, "key"),
        ({"key": NoteSigner(NEW.name, OLD.seed).vkey}, "new key"),
        ({"key": "x"}, "key"),
        ({"previous_key": NEW.vkey}, "previous-key"),
        ({"previous_statement": bytes(32)}, "previous-statement"),
        ({"restored_size": -1}, "restored"),
        ({"restored_root": b"x"}, "restored"),
        ({"restored_size": 150}, "restored"),
        ({"last": head(150, NEW)}, "last"),
        ({"last": "no note"}, "last"),
        ({"time_ms": 0}, "time"),
        ({"reason": ""}, "reason"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(change: dict[str, object], part: str) -> None:
    with pytest.raises(BadEpoch, match=part):
        check_statement(replace(SECOND, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reason",
    [
        "11010519491231002X",
        "of 110105 19491231 0021",
        "１１０１０５１９４９１２３１００２１",
        "two\nlines",
        "x" * 201,
        " x",
        "a\u202eb",
    ],
)
def test_a_reason_names_nobody_and_steers_no_terminal(reason: str) -> None:
    with pytest.raises(BadEpoch):
        check_reason(reason)


def test_a_log_that_lost_nothing_may_also_get_a_new_key() -> None:
    longer = replace(SECOND, restored_size=200)
    check_statement(longer)
    assert longer.lost == 0
    check_statement(replace(SECOND, restored_size=150, restored_root=root(9)))


def test_a_head_that_is_newer_or_another_one_is_not_owned_up_to() -> None:
    for size in (0, 1, 99, 120, 149):
        SECOND.admits(Checkpoint(OLD.name, size, root(1)))
    SECOND.admits(Checkpoint(OLD.name, 150, root(9)))
    SECOND.admits(Checkpoint(OLD.name, 100, root(7)))
    for hidden in (Checkpoint(OLD.name, 151, root(9)), Checkpoint(OLD.name, 150, root(8))):
        with pytest.raises(HeadHidden):
            SECOND.admits(hidden)
    with pytest.raises(HeadHidden):
        SECOND.admits(Checkpoint(OLD.name, 100, root(6)))
    with pytest.raises(BadEpoch):
        SECOND.admits(Checkpoint(NEW.name, 100, root(7)))


def test_a_chain_has_no_gap_and_no_other_link() -> None:
    third = after(SECOND)
    chain = Chain.of([SECOND, third])
    assert chain.after(OLD.vkey) == (SECOND, third)
    assert chain.after(NEW.vkey) == (third,)
    assert chain.after(THIRD.vkey) == ()
    assert (chain.kept(1), chain.kept(2), chain.kept(3)) == (90, 90, None)
    assert chain.restored() == [(90, root(7))]
    assert Chain.of([SECOND, after(SECOND, 120)]).restored() == [(100, root(7)), (120, root(7))]
    other = replace(SECOND, reason="another")
    for wrong in ([third], [SECOND, after(other)], [third, SECOND], [SECOND, SECOND]):
        with pytest.raises(BadEpoch):
            Chain.of(wrong)
    with pytest.raises(BadEpoch):
        chain.after(FIVE[0].vkey)
    with pytest.raises(BadEpoch):
        Chain().after(OLD.vkey)


def test_as_many_different_custodians_as_are_needed_sign() -> None:
    note = signed_by(SECOND, FIVE[1:4])
    opened = PINNED.open(note)
    assert opened.statement == SECOND
    assert opened.signers == tuple(one.name for one in FIVE[1:4])
    assert PINNED.open(signed_by(SECOND, FIVE)).signers == tuple(one.name for one in FIVE)


def test_too_few_foreign_or_repeated_signatures_do_not_count() -> None:
    stranger = NoteSigner("city.example/custodian/9", bytes([99]) * 32)
    again = NoteSigner("city.example/custodian/99", FIVE[0].seed)
    impostor = NoteSigner(FIVE[2].name, bytes([77]) * 32)
    for signers in (FIVE[:2], [*FIVE[:2], stranger], [*FIVE[:2], FIVE[0]], [*FIVE[:2], again], [*FIVE[:2], impostor]):
        with pytest.raises(TooFewCustodians):
            PINNED.open(signed_by(SECOND, signers))
    with pytest.raises(TooFewCustodians):
        Custodians().open(signed_by(SECOND, FIVE))


def test_a_signature_of_a_custodian_that_does_not_hold_refuses_the_whole() -> None:
    note = signed_by(SECOND, FIVE)
    bent = note.replace("fire in", "fine in")
    with pytest.raises(BadEpoch):
        PINNED.open(bent)
    line = note.splitlines()[-1]
    with pytest.raises(BadEpoch):
        PINNED.open(note + line + "\n")


def test_copies_that_each_custodian_signed_become_one() -> None:
    copies = [sign_statement(SECOND.text(), one) for one in FIVE[:3]]
    assert PINNED.open(merge([*copies, copies[0]])).signers == tuple(one.name for one in FIVE[:3])
    assert read_unsigned(copies[0]) == (SECOND, SECOND.text())
    other = sign_statement(replace(SECOND, reason="another").text(), FIVE[3])
    for wrong in ([copies[0], other], [SECOND.text()], []):
        with pytest.raises(BadEpoch):
            merge(wrong)


def test_custodians_are_several_and_different() -> None:
    keys = [one.vkey for one in FIVE]
    twin = NoteSigner("city.example/custodian/twin", FIVE[0].seed).vkey
    for wrong, needed in ((keys, 1), (keys, 6), (keys[:1], 1), ([*keys, twin], 3), ([keys[0]] * 2, 2), (["x"], 1)):
        with pytest.raises(BadEpoch):
            Custodians(wrong, needed)
    with pytest.raises(BadEpoch):
        Custodians([], 2)
    assert not Custodians()


def test_a_statement_keeps_its_published_form() -> None:
    text = SECOND.text()
    assert re.match(r"oncegate\.epoch/1\nnumber 2\norigin city\.example/ledger/2\nkey ", text)
    assert text.count("\n") == 12
    assert SECOND.digest.hex() == "86a687697faaec83ba3a7e9af2a1736cc45347b06e7585169e2dc1030d4f609b"
