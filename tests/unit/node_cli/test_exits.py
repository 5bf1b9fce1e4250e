import pytest
import typer

from keys.errors import BadSignature
from nodes.cli.exits import command, error_text, exit_code
from nodes.consumer.distrust import Distrust, UntrustedAnswer
from nodes.enrolment.errors import (
    BadInput,
    EnrolmentUntrusted,
    GatewayUnreachable,
    HomeInvalid,
    RequestRefused,
    Violation,
)
from nodes.errors import BadConfig, Mistake, NodeError, SourceFailed, StateUnusable


def refusal(status: str) -> RequestRefused:
    return RequestRefused(
        "NO_AGREEMENT",
        status=status,
        zh="没有协议",
        en="No agreement",
        violations=(Violation("items[0]", "rule"),),
        retry_after_ms=1500,
        facts={"items": "a=X;b=Y"},
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("x", "y"), 2),
        (HomeInvalid("x", "y"), 2),
        (StateUnusable("x"), 2),
        (BadConfig((Mistake("f", 1, "k", "r"),)), 2),
        (refusal("INVALID_ARGUMENT"), 2),
        (refusal("PERMISSION_DENIED"), 3),
        (refusal("UNAUTHENTICATED"), 3),
        (refusal("UNAVAILABLE"), 4),
        (refusal("RESOURCE_EXHAUSTED"), 4),
        (GatewayUnreachable("UNAVAILABLE"), 4),
        (SourceFailed(), 4),
        (UntrustedAnswer(Distrust.RECEIPT), 5),
        (EnrolmentUntrusted("x"), 5),
    ],
)
def test_every_kind_of_error_has_its_exit_code(error: NodeError, code: int) -> None:
    @command
    def fails() -> None:
        raise error

    assert exit_code(error) == code
    with pytest.raises(typer.Exit) as caught:
        fails()
    assert caught.value.exit_code == code


def test_a_refusal_shows_both_languages_and_everything_it_says() -> None:
    assert error_text(refusal("PERMISSION_DENIED")).splitlines() == [
        "NO_AGREEMENT: No agreement / 没有协议",
        "  items[0]: rule",
        "  a=X",
        "  b=Y",
        "  try again in 1.5 s",
    ]


def test_every_mistake_of_a_configuration_is_listed() -> None:
    text = error_text(BadConfig((Mistake("f.toml", 3, "a.b", "rule one"), Mistake("f.toml", None, "", "rule two"))))
    assert "f.toml:3: a.b: rule one" in text
    assert "f.toml: rule two" in text


@pytest.mark.parametrize(
    ("error", "code"), [(BadSignature("no"), 2), (FileNotFoundError(2, "missing", "f"), 2), (KeyboardInterrupt(), 130)]
)
def test_errors_of_keys_files_and_the_person_end_with_a_code_too(error: BaseException, code: int) -> None:
    @command
    def fails() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        fails()
    assert caught.value.exit_code == code


def test_a_defect_is_not_hidden() -> None:
    @command
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
