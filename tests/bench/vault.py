"""`python -m tests.bench.vault`: one profile field sealed and opened as the vault does it, against the bare cipher.

Ours is `FieldCipher.seal` and `.open`, the calls that the vault makes, on one person's data key: for each of the two the
field's key is derived, the commitment made or checked and the place bound. The person's part (unwrapping the data key,
HKDF's first step) is once per person and measured apart. The yardstick is AES-256-GCM-SIV from the library: the same
value, a key of the same size, the same number of associated bytes, a fresh nonce.

Two yardsticks, since a key of a person is never at hand as a finished cipher object: `raw` keeps that object over all
calls, `keyed` makes it from the key's bytes at each call. Storage is in neither. Measured in turn, round by round.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from keys.envelope import FieldCipher, Suite
from tests.bench.measure import ratio

ROUNDS = 5
CALLS = 20_000
FIELD = "phone"
VALUE = b"13800138000"
# Header, nonce, commitment, person id, version and field name.
PLACE = bytes(9 + 12 + 32 + 16 + 8 + len(FIELD))


def _seconds(call: Callable[[], bytes], calls: int) -> float:
    """Seconds of one call, over many."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    took = (time.perf_counter() - began) / calls
    assert call() == VALUE, "what is measured must be right"
    return took


def measure(rounds: int = ROUNDS, calls: int = CALLS) -> dict[str, Any]:
    """Measure one field.

    Args:
        rounds: How often each is measured.
        calls: Pairs of sealing and opening in a round.

    Returns:
        Ratios, and absolute figures beside them.
    """
    key, person = os.urandom(32), os.urandom(16)
    kept, cipher = AESGCMSIV(key), FieldCipher(key, person_id=person, key_id=1)

    def raw() -> bytes:
        nonce = os.urandom(12)
        return kept.decrypt(nonce, kept.encrypt(nonce, VALUE, PLACE), PLACE)

    def keyed() -> bytes:
        nonce = os.urandom(12)
        return AESGCMSIV(key).decrypt(nonce, AESGCMSIV(key).encrypt(nonce, VALUE, PLACE), PLACE)

    def field() -> bytes:
        return cipher.open(FIELD, 1, cipher.seal(FIELD, 1, VALUE))

    def field_sm4() -> bytes:
        return cipher.open(FIELD, 1, cipher.seal(FIELD, 1, VALUE, Suite.SM4))

    def person_too() -> bytes:
        fresh = FieldCipher(key, person_id=person, key_id=1)
        return fresh.open(FIELD, 1, fresh.seal(FIELD, 1, VALUE))

    measured = {"raw": raw, "keyed": keyed, "field": field, "sm4": field_sm4, "person": person_too}
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for call in measured.values():
        _seconds(call, calls // 10)
    for _ in range(rounds):
        for name, call in measured.items():
            taken[name].append(_seconds(call, calls))
    median_us = {name: statistics.median(values) * 1e6 for name, values in taken.items()}
    return {
        "vault_field_vs_raw_aead": ratio(taken["field"], taken["raw"]),
        "vault_field_vs_keyed_aead": ratio(taken["field"], taken["keyed"]),
        "absolute": {
            "vault_field_us": median_us["field"],
            "vault_field_sm4_us": median_us["sm4"],
            "vault_person_and_field_us": median_us["person"],
            "raw_aead_us": median_us["raw"],
            "keyed_aead_us": median_us["keyed"],
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(given.rounds), indent=2) + "\n")


if __name__ == "__main__":
    main()
