"""Go's own log packages accept our notes and proofs and refuse every mutated one.

They are in Debian as `golang-golang-x-mod-dev`; where they or the compiler are not installed, these tests are skipped.
"""

import base64
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.merkle import consistency_path, hashes_of, inclusion_path, leaf_hash, root_of
from keys.log.notes import NoteSigner

GO_PATH = Path("/usr/share/gocode")
LEAVES = [leaf_hash(index.to_bytes(4, "big")) for index in range(700)]
SIGNER = NoteSigner("gov.example/log", b"n" * 32)

Question = dict[str, Any]
Judge = Callable[[list[Question]], list[bool]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    if shutil.which("go") is None or not (GO_PATH / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip("Go's log packages are not installed (Debian: golang-go golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("sumdb")
    source = Path(__file__).parent / "sumdb" / "main.go"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOCACHE": str(folder / "cache"), "GOFLAGS": "", "CGO_ENABLED": "0"}  # fmt: skip
    subprocess.run(["go", "build", "-o", folder / "judge", source], env=environment, check=True, timeout=100)

    def judged(questions: list[Question]) -> list[bool]:
        lines = "".join(json.dumps(one) + "\n" for one in questions)
        done = subprocess.run([folder / "judge"], input=lines, capture_output=True, text=True, check=True, timeout=60)
        answers = done.stdout.split()
        assert len(answers) == len(questions)
        return [answer == "accepted" for answer in answers]

    return judged


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _inclusion(index: int, size: int, path: list[bytes], leaf: bytes, root: bytes) -> Question:
    return {"kind": "inclusion", "index": index, "size": size, "path": [*map(_text, path)], "leaf": _text(leaf), "root": _text(root)}  # fmt: skip


def _consistency(old: int, size: int, path: list[bytes], old_root: bytes, root: bytes) -> Question:
    return {"kind": "consistency", "old": old, "size": size, "path": [*map(_text, path)], "oldroot": _text(old_root), "root": _text(root)}  # fmt: skip


def _flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def _sizes() -> list[int]:
    return [*range(1, 34), 63, 64, 65, 255, 256, 257, 511, 512, 513, 700]


def test_inclusion_proofs_are_accepted_and_mutated_ones_refused(judge: Judge):
    good, bad = [], []
    for size in _sizes():
        get, root = hashes_of(LEAVES[:size]), root_of(LEAVES[:size])
        for index in {0, 1, size // 2, size - 1} & set(range(size)):
            path, leaf = inclusion_path(get, index, size), LEAVES[index]
            good.append(_inclusion(index, size, path, leaf, root))
            bad.append(_inclusion(index, size, path, _flipped(leaf), root))
            bad.append(_inclusion(index, size, path, leaf, _flipped(root)))
            bad.append(_inclusion(index, size, [*path, leaf], leaf, root))
            bad.append(_inclusion(size, size, path, leaf, root))
            for place in range(len(path)):
                changed = [*path[:place], _flipped(path[place]), *path[place + 1 :]]
                bad.append(_inclusion(index, size, changed, leaf, root))
                bad.append(_inclusion(index, size, [*path[:place], *path[place + 1 :]], leaf, root))
    assert all(judge(good))
    assert not any(judge(bad))


def test_consistency_proofs_are_accepted_and_mutated_ones_refused(judge: Judge):
    good, bad = [], []
    for size in _sizes():
        get, root = hashes_of(LEAVES[:size]), root_of(LEAVES[:size])
        for old in {1, 2, size // 2, size - 1} & set(range(1, size)):
            path, old_root = consistency_path(get, old, size), root_of(LEAVES[:old])
            good.append(_consistency(old, size, path, old_root, root))
            bad.append(_consistency(old, size, path, _flipped(old_root), root))
            bad.append(_consistency(old, size, path, old_root, _flipped(root)))
            bad.append(_consistency(old, size, [*path, root], old_root, root))
            for place in range(len(path)):
                changed = [*path[:place], _flipped(path[place]), *path[place + 1 :]]
                bad.append(_consistency(old, size, changed, old_root, root))
                bad.append(_consistency(old, size, [*path[:place], *path[place + 1 :]], old_root, root))
    assert all(judge(good))
    assert not any(judge(bad))


def test_checkpoints_are_accepted_and_mutated_ones_refused(judge: Judge):
    note = sign_checkpoint(SIGNER, Checkpoint("gov.example/log", 700, root_of(LEAVES)))
    asked = {"kind": "note", "vkey": SIGNER.vkey, "note": note}
    stranger = {**asked, "vkey": NoteSigner("gov.example/log", b"s" * 32).vkey}
    changed = [
        {**asked, "note": note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :]}
        for place in random.Random(1).sample(range(len(note)), 60)
    ]
    assert judge([asked]) == [True]
    assert not any(judge([stranger, *changed]))
