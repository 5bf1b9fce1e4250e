"""The checkpoint that is kept outside the database, with several processes at it: a gateway and operators' commands."""

import subprocess
import sys
from pathlib import Path

from keys.log.checkpoints import parse_checkpoint
from keys.log.notes import split_note

WRITER = """
import sys
from pathlib import Path
from gateway.audit.checkpoints import Checkpoints
from gateway.audit.epochs import Lineage
from keys.log.frontier import Frontier
from keys.log.notes import NoteSigner

class NoStore:
    def checkpoint(self): return None
    def add_checkpoint(self, size, now_ms, note): pass

signer = NoteSigner("a.example/log", b"1" * 32)
heads = Checkpoints(signer, Lineage("a.example/log"), Path(sys.argv[1]))
tree = Frontier()
for number in range(90):
    tree.append(bytes(32))
    if number % 3 == int(sys.argv[2]):
        heads.publish(NoStore(), tree, 0)
"""


def test_processes_that_keep_heads_at_once_keep_the_largest_and_none_of_them_fails(tmp_path: Path) -> None:
    anchor = tmp_path / "ledger-anchor"
    writers = [
        subprocess.Popen((sys.executable, "-c", WRITER, str(anchor), str(number)), stderr=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 3
    assert parse_checkpoint(split_note(anchor.read_text(encoding="utf-8"))[0]).size == 90
    assert list(tmp_path.iterdir()) == [anchor]
