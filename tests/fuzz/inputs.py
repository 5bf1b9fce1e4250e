"""Inputs for parsers, made by changing good ones; the same seed gives the same inputs on every machine."""

import random
from collections.abc import Iterator, Sequence

_NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF)


def mutations(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Changed inputs.

    Args:
        seeds: Good inputs, from which the others are made.
        count: How many to make.
        seed: Which sequence.

    Yields:
        Bytes that are mostly near a good input; some are one, some are rubbish.
    """
    rng = random.Random(seed)
    changes = (_turn_bit, _set_byte, _cut, _drop, _insert, _double, _splice, _swap)
    for _ in range(count):
        if rng.random() < 0.02:
            yield rng.randbytes(rng.randrange(300))
            continue
        raw = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            raw = rng.choice(changes)(rng, raw, seeds)
        yield raw


def _turn_bit(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    if not raw:
        return raw
    changed = bytearray(raw)
    changed[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set_byte(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    if not raw:
        return raw
    changed = bytearray(raw)
    # Half of the time near the front, where the lengths, versions and suites are.
    end = min(len(raw), 12) if rng.random() < 0.5 else len(raw)
    changed[rng.randrange(end)] = rng.choice(_NUMBERS)
    return bytes(changed)


def _cut(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def _drop(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + raw[at + rng.randrange(1, 9) :]


def _insert(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randrange(1, 9)) + raw[at:]


def _double(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw + raw[at:]


def _splice(rng: random.Random, raw: bytes, seeds: Sequence[bytes]) -> bytes:
    other = rng.choice(seeds)
    return raw[: rng.randrange(len(raw) + 1)] + other[rng.randrange(len(other) + 1) :]


def _swap(rng: random.Random, raw: bytes, _seeds: Sequence[bytes]) -> bytes:
    a, b = sorted(rng.randrange(len(raw) + 1) for _ in range(2))
    return raw[b:] + raw[a:b] + raw[:a]
