"""docs/threat-model.md says plainly what must not be glossed over."""

import pytest

from tests.unit.docs.pages import headings, read, section

TEXT = read("docs/threat-model.md")
ONE_LINE = " ".join(TEXT.split())


@pytest.mark.parametrize(
    "sentence",
    [
        "The database together with the index key re-identifies everyone in the index.",
        "The running gateway sees the identifier of every request and of every record that is published",
        "the profile fields that it stores and releases",
        "It does not see what departments' nodes answer.",
        "Members do not compare checkpoints with each other.",
        "A withdrawal that a taken-over gateway keeps to itself",
    ],
)
def test_the_page_says_it_plainly(sentence: str) -> None:
    assert sentence in ONE_LINE


@pytest.mark.parametrize(
    "attacker",
    [
        "A thief of the database",
        "A thief of the keyring file",
        "Root on the gateway's host, or a gateway that was taken over",
        "A node",
        "A consumer's system",
        "A department's custodian",
        "The operator",
        "A network attacker",
    ],
)
def test_each_attacker_has_what_it_can_and_what_it_cannot(attacker: str) -> None:
    said = section(TEXT, attacker).lower()
    assert "can" in said
    assert "cannot" in said or "not admit" in said


def test_the_page_ends_with_what_is_not_covered() -> None:
    assert headings(TEXT)[-1] == (2, "Not covered yet")
    assert section(TEXT, "Not covered yet").count("\n- **") > 8
