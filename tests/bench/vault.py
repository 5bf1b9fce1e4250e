"""`python -m tests.bench.vault`: one profile field sealed and opened as the vault does it, against the bare cipher.

Ours is one operation as the vault carries it out: a `FieldCipher` made for the person's data key, which derives the
field's key, seals with a commitment and the place bound, opens again and checks both. The yardstick is one operation
with AES-256-GCM-SIV from the library: the cipher made from the key's bytes, the same value and the same number of
associated bytes sealed and opened again, under a fresh nonce. Unwrapping the data key is in neither, nor is storage.

Beside it the same with both objects kept over all calls, and ours against a kept object of the library, which no program
with a key per field has at hand. Measured in turn, round by round.
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

from gateway.vault import contents
from gateway.vault.contents import Contents
from gateway.vault.provenance import Source
from keys.envelope import FieldCipher, Suite
from tests.bench.measure import ratio

ROUNDS = 5
CALLS = 20_000
FIELD = "phone"
VALUE = contents.write(Contents("13800138000", Source.USER_PROVIDED, 0, 0))
"""As the vault seals it: the value with its provenance, padded."""
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
        nonce, fresh = os.urandom(12), AESGCMSIV(key)
        return fresh.decrypt(nonce, fresh.encrypt(nonce, VALUE, PLACE), PLACE)

    def raw_kept() -> bytes:
        nonce = os.urandom(12)
        return kept.decrypt(nonce, kept.encrypt(nonce, VALUE, PLACE), PLACE)

    def field() -> bytes:
        fresh = FieldCipher(key, person_id=person, key_id=1)
        return fresh.open(FIELD, 1, fresh.seal(FIELD, 1, VALUE))

    def field_kept() -> bytes:
        return cipher.open(FIELD, 1, cipher.seal(FIELD, 1, VALUE))

    def field_sm4() -> bytes:
        fresh = FieldCipher(key, person_id=person, key_id=1)
        return fresh.open(FIELD, 1, fresh.seal(FIELD, 1, VALUE, Suite.SM4))

    measured = {"raw": raw, "raw_kept": raw_kept, "field": field, "field_kept": field_kept, "sm4": field_sm4}
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for call in measured.values():
        _seconds(call, calls // 10)
    for _ in range(rounds):
        for name, call in measured.items():
            taken[name].append(_seconds(call, calls))
    median_us = {name: statistics.median(values) * 1e6 for name, values in taken.items()}
    return {
        "vault_field_vs_raw_aead": ratio(taken["field"], taken["raw"]),
        "vault_field_kept_vs_raw_kept": ratio(taken["field_kept"], taken["raw_kept"]),
        "vault_field_vs_raw_kept": ratio(taken["field"], taken["raw_kept"]),
        "absolute": {
            "vault_field_us": median_us["field"],
            "vault_field_kept_us": median_us["field_kept"],
            "vault_field_sm4_us": median_us["sm4"],
            "raw_aead_us": median_us["raw"],
            "raw_aead_kept_us": median_us["raw_kept"],
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
