"""A witness as a process of its own, over real sockets: what it answers, what it outlives, and what it remembers."""

import json
import signal
import socket
import time

import pytest

from keys.log.notes import NoteVerifier
from nodes.witness.requests import LARGEST_BODY
from tests.support.witness import MemoryLog
from tests.support.witness_process import WitnessProcess, command, exchange, make_home, post, read_answer, serving


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A witness that has cosigned five entries of a log; the tests that use it leave it as it is."""
    log = MemoryLog().grow(5)
    home = tmp_path_factory.mktemp("witness") / "home"
    make_home(home, "witness.example/w1", [log.signer.vkey])
    with serving(home) as process:
        assert exchange(process.port, post(log.body(0)))[0] == 200
        yield process, log, home


def test_it_answers_as_the_specification_says(shared):
    process, log, _ = shared
    status, headers, content = exchange(process.port, post(log.body(5)))
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert process.verifier.find(log.note() + content.decode())
    status, headers, content = exchange(process.port, post(log.body(3)))
    assert (status, headers["content-type"], content) == (409, "text/x.tlog.size", b"5\n")
    assert exchange(process.port, post(log.fork(2, 7).body(5)))[0] == 422
    assert exchange(process.port, post(b"old"))[0] == 400


def test_several_requests_go_over_one_connection(shared):
    process, log, _ = shared
    with socket.create_connection(("127.0.0.1", process.port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(post(log.body(5), close=False))
            assert read_answer(connection)[0] == 200


def test_monitors_get_the_newest_head_with_both_signatures(shared):
    from hashlib import sha256

    process, log, _ = shared
    named = sha256(log.origin.encode()).hexdigest()
    status, _, content = exchange(process.port, f"GET /{named}/checkpoint HTTP/1.1\r\nHost: w\r\n\r\n".encode())
    assert status == 200
    assert process.verifier.find(content.decode())
    assert NoteVerifier(log.signer.vkey).verify(content.decode()) == log.head().text()
    other = f"GET /{'0' * 64}/checkpoint HTTP/1.1\r\nHost: w\r\n\r\n".encode()
    assert exchange(process.port, other)[0] == 404


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /add-checkpoint HTTP/1.1\r\n\r\n", 405),
        (b"POST /elsewhere HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
        (b"POST /add-checkpoint HTTP/1.1\r\n\r\n", 411),
        (b"POST /add-checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 400),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length : 1\r\n\r\na", 400),
        (b"POST /add-checkpoint HTTP/2.0\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"0" * 64 + b"/checkpoint HTTP/1.1\r\nContent-Length: 1\r\n\r\na", 413),
    ],
)
def test_what_is_no_request_is_refused(shared, raw, status):
    assert exchange(shared[0].port, raw)[0] == status


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(shared):
    process, log, _ = shared
    began = time.monotonic()
    # It may be told so or find the connection closed while it still sends; either way nothing of it is kept.
    assert exchange(process.port, post(bytes(10 << 20)))[0] in (0, 413)
    head = f"POST /add-checkpoint HTTP/1.1\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    assert exchange(process.port, head)[0] == 413
    assert time.monotonic() - began < 5
    assert exchange(process.port, post(log.body(5)))[0] == 200


def test_callers_that_never_finish_keep_out_nobody(shared):
    process, log, _ = shared
    slow = []
    try:
        for number in range(140):
            connection = socket.create_connection(("127.0.0.1", process.port), timeout=10)
            connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Le" if number % 2 else b"P")
            slow.append(connection)
        began = time.monotonic()
        assert exchange(process.port, post(log.body(5)))[0] == 200
        assert time.monotonic() - began < 5
    finally:
        for connection in slow:
            connection.close()


def test_the_commands_show_key_heads_and_evidence(shared):
    process, log, home = shared
    assert command(home, "key").stdout.strip() == process.verifier.vkey
    (row,) = json.loads(command(home, "heads", "--json").stdout)
    assert (row["origin"], row["size"], row["root"]) == (log.origin, 5, log.head(5).root.hex())
    assert process.verifier.find(row["note"])
    exchange(process.port, post(log.fork(2, 5).body(5)))
    shown = command(home, "evidence")
    assert shown.returncode == 5
    assert {json.loads(line)["what"] for line in shown.stdout.splitlines()} >= {"fork"}


def test_it_refuses_forks_and_rollbacks_after_a_kill_as_before(tmp_path):
    log, home = MemoryLog().grow(8), tmp_path / "home"
    make_home(home, "witness.example/w1", [log.signer.vkey])
    with serving(home) as first:
        assert exchange(first.port, post(log.body(0)))[0] == 200
        first.stop(signal.SIGKILL)
    with serving(home) as second:
        assert exchange(second.port, post(log.body(0)))[2] == b"8\n"
        assert exchange(second.port, post(log.body(4, 4)))[2] == b"8\n"
        assert exchange(second.port, post(log.fork(3, 8).body(8)))[0] == 422
        assert exchange(second.port, post(log.grow(3).body(8)))[0] == 200
        assert second.stop() == 0


def test_killed_between_keeping_and_answering_it_has_kept_and_signs_nothing_else(tmp_path):
    log, home = MemoryLog().grow(6), tmp_path / "home"
    make_home(home, "witness.example/w1", [log.signer.vkey])
    dying = WitnessProcess(home, "tests.support.dying_witness")
    assert exchange(dying.port, post(log.body(0)))[0] == 0
    assert dying.stop() == -signal.SIGKILL
    with serving(home) as again:
        # The log never saw an answer and asks as before; another history of the same size finds no signature.
        assert exchange(again.port, post(log.fork(2, 6).body(0)))[2] == b"6\n"
        assert exchange(again.port, post(log.fork(2, 6).body(6)))[0] == 422
        assert exchange(again.port, post(log.body(0)))[2] == b"6\n"
        status, _, line = exchange(again.port, post(log.body(6)))
        assert status == 200
        assert again.verifier.find(log.note() + line.decode())


def test_a_lost_or_damaged_memory_stops_it_from_serving(tmp_path):
    log, home = MemoryLog().grow(2), tmp_path / "home"
    make_home(home, "witness.example/w1", [log.signer.vkey])
    state = home / "state.db"
    whole = state.read_bytes()
    state.unlink()
    refused = command(home, "serve", "--listen", "127.0.0.1:0")
    assert (refused.returncode, "does not begin again" in refused.stderr) == (2, True)
    assert not state.exists()
    state.write_bytes(whole[:5000])
    assert command(home, "serve", "--listen", "127.0.0.1:0").returncode == 2


def test_the_key_is_encrypted_unless_that_is_declined_and_never_open_to_others(tmp_path):
    home, secret = tmp_path / "home", {"ONCEGATE_PASSPHRASE": "correct horse battery"}
    assert command(home, "create", "witness.example/w1", environment={"ONCEGATE_PASSPHRASE": ""}).returncode == 2
    made = command(home, "create", "witness.example/w1", environment=secret)
    assert made.returncode == 0, made.stderr
    assert oct((home / "cosignature-key").stat().st_mode & 0o777) == "0o600"
    assert command(home, "create", "witness.example/w1", environment=secret).returncode == 2
    wrong = command(home, "serve", environment={"ONCEGATE_PASSPHRASE": "wrong horse battery"})
    assert (wrong.returncode, "passphrase is wrong" in wrong.stderr) == (2, True)
    (home / "cosignature-key").chmod(0o640)
    assert command(home, "serve", environment=secret).returncode == 2


def test_a_log_is_followed_under_one_key_and_is_not_forgotten_when_it_is_removed(tmp_path):
    log, home = MemoryLog().grow(4), tmp_path / "home"
    make_home(home, "witness.example/w1", [log.signer.vkey])
    other = MemoryLog().signer.__class__(log.origin, bytes(32)).vkey
    assert command(home, "add-log", other).returncode == 2
    assert command(home, "add-log", "nonsense").returncode == 2
    with serving(home) as first:
        exchange(first.port, post(log.body(0)))
    assert command(home, "remove-log", log.origin).returncode == 0
    assert command(home, "remove-log", log.origin).returncode == 2
    assert command(home, "add-log", log.signer.vkey).returncode == 0
    assert json.loads(command(home, "heads", "--json").stdout)[0]["size"] == 4
    # Under another key it would begin again: what is remembered is not that key's, and nothing is served.
    command(home, "remove-log", log.origin)
    assert command(home, "add-log", other).returncode == 0
    assert command(home, "serve", "--listen", "127.0.0.1:0").returncode == 2
