"""A step counts only whole, under the key it comes with, and behind the step that it names."""

import json
from dataclasses import replace

import pytest

from keys import canonical
from keys.agreement_steps import ACTS, LARGEST_BODY, BadStep, SignedStep, Step, check_follows, open_step, sign_step
from keys.signing import AGREEMENT, AGREEMENT_STEP, SigningKey

KEY = SigningKey.generate()
FIRST = Step("0" * 32, 1, b"", "school", "propose", b"t" * 32, "为办理入学登记\n第二行", "", 1_800_000_000_000)
SIGNED = sign_step(KEY, FIRST)


def signed(body: bytes) -> SignedStep:
    return SignedStep(body, KEY.sign(AGREEMENT_STEP, body), KEY.verify_key.der)


def changed(**entries: object) -> SignedStep:
    return signed(canonical.write(json.loads(SIGNED.body) | entries))


def test_what_was_signed_is_read_with_the_fingerprint_of_its_key() -> None:
    assert open_step(SIGNED) == (FIRST, KEY.verify_key.fingerprint)


@pytest.mark.parametrize(
    "step",
    [
        replace(SIGNED, body=SIGNED.body.replace(b"school", b"palace")),
        replace(SIGNED, signature=KEY.sign(AGREEMENT, SIGNED.body)),
        replace(SIGNED, signature=b""),
        replace(SIGNED, department_key=SigningKey.generate().verify_key.der),
        replace(SIGNED, department_key=b"no key"),
    ],
)
def test_what_the_key_did_not_sign_as_a_step_is_refused(step: SignedStep) -> None:
    with pytest.raises(BadStep, match="not signed"):
        open_step(step)


@pytest.mark.parametrize(
    "entries",
    [
        {"format": "oncegate.agreement-step/2"},
        {"more": 1},
        {"proposal": "0" * 31},
        {"proposal": "0" * 31 + "G"},
        {"proposal": 7},
        {"number": 0},
        {"number": True},
        {"number": "1"},
        {"number": 2},
        {"time_ms": -1},
        {"time_ms": 2**60},
        {"previous": "AA"},
        {"previous": "=="},
        {"text": "AA"},
        {"department": "School"},
        {"department": ""},
        {"act": "grant"},
        {"act": []},
        {"reason": "x" * 1001},
        {"reason": "\x1b[2J"},
        {"reason": "a\u202eb"},
        {"law": "x" * 301},
        {"law": "a\rb"},
        {"law": None},
    ],
    ids=str,
)
def test_a_step_that_breaks_a_rule_is_refused_although_it_is_signed(entries: dict) -> None:
    with pytest.raises(BadStep):
        open_step(changed(**entries))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"a":1.5}', SIGNED.body + b" ", b"[" * 9000])
def test_what_is_no_step_is_refused(body: bytes) -> None:
    with pytest.raises(BadStep):
        open_step(signed(body))


def test_a_huge_step_is_not_even_verified() -> None:
    with pytest.raises(BadStep, match="too large"):
        open_step(SignedStep(b"x" * (LARGEST_BODY + 1), b"", b""))


def test_what_would_be_refused_is_not_signed() -> None:
    with pytest.raises(BadStep):
        sign_step(KEY, replace(FIRST, reason="\x00"))


def test_a_step_follows_only_the_one_that_it_names() -> None:
    second = Step("0" * 32, 2, SIGNED.digest, "civil", "ask", b"", "why?", "", 1)
    check_follows(FIRST, [])
    check_follows(second, [SIGNED])
    for step, before in (
        (FIRST, [SIGNED]),
        (second, []),
        (second, [changed(reason="other")]),
        (replace(second, number=3), [SIGNED]),
        (replace(second, previous=b"p" * 32), [SIGNED]),
    ):
        with pytest.raises(BadStep):
            check_follows(step, before)


def test_a_signature_that_was_made_anew_is_the_same_step() -> None:
    assert sign_step(KEY, FIRST).digest == SIGNED.digest


def test_the_acts_are_the_ones_of_the_workflow() -> None:
    from policies.agreements.workflow import Act

    assert frozenset(Act) == ACTS
