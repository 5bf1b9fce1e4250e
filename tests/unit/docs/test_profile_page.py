"""docs/profile.md names every word, limit and kind of entry of the profile, and commands that exist."""

import re

from gateway.audit.kinds import ACCESSES, Kind
from gateway.exchange import verify_field
from gateway.exchange.own_export import FORMAT
from gateway.vault import corrections, rows, texts
from gateway.vault.provenance import FieldStatus, Source, Superseded, UnavailableReason
from tests.support.command_reference import every_command
from tests.unit.docs.pages import code_spans, read, table

TEXT = read("docs/profile.md")
SPANS = set(code_spans(TEXT))


def test_every_word_is_explained() -> None:
    for words in (FieldStatus, Source, Superseded, UnavailableReason, corrections.CorrectionStatus):
        assert {str(word) for word in words} <= SPANS


def test_every_limit_is_the_codes() -> None:
    listed = [int(row[1].split()[0]) for row in table(TEXT, "what | how many")]
    assert listed == [rows.HISTORY_KEPT, corrections.KEPT, 1, texts.MAX_TEXT, texts.MAX_RECORD, verify_field.PER_DAY]
    assert FORMAT in SPANS


def test_every_kind_of_entry_is_listed_and_whether_the_person_sees_it() -> None:
    listed = {
        kind: seen == "yes"
        for _, kinds, seen in table(TEXT, "act | kind of entry")
        for kind in re.findall(r"\w+", kinds)
    }
    own = {str(kind) for kind in Kind if kind.startswith(("profile_", "correction_"))}
    assert listed == {kind: kind in {str(seen) for seen in ACCESSES} for kind in own}


def test_every_command_shown_exists_with_its_options() -> None:
    known = {path: {o for p in command.params for o in p.opts} for path, command in every_command()}
    shown = re.findall(r"oncegate ((?:me profile|me|source) [a-z-]+)([^`\n#]*)", TEXT)
    assert len(shown) > 8
    for words, rest in shown:
        assert set(re.findall(r"--[a-z-]+", rest)) <= known["oncegate", *words.split()], words
