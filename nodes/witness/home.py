"""The home folder of a witness: its key, the logs that it follows, what it remembers, and the evidence it wrote down.

| file | content |
|---|---|
| `witness.json` | name, verifier key, and the logs: origin, verifier key and custodians each |
| `cosignature-key` | the secret key, mode 0600, under a passphrase unless that was declined |
| `state.db` | the newest head of each log that was cosigned |
| `evidence/` | conflicts, one file each |

`witness.json` is written last when a home is made, and after the memory when a log is added: a home that is half made
is none, and a log that is followed has a memory. Fails closed on whatever is missing or does not fit.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from keys.errors import BadCheckpoint, BadEpoch, KeysError
from keys.log.cosignatures import Cosigner
from keys.log.custodians import Custodians
from keys.log.notes import NoteVerifier
from keys.passphrase import from_armour, lock, to_armour, unlock
from keys.secret_file import Existing, read_secret, sync_folder, write_secret
from nodes.witness.errors import HomeInvalid
from nodes.witness.evidence import Evidence
from nodes.witness.store import SqliteHeads

FORMAT: Final = "oncegate.witness/1"
CONFIG: Final = "witness.json"
KEY: Final = "cosignature-key"
STATE: Final = "state.db"
EVIDENCE: Final = "evidence"
MOST_LOGS: Final = 1000
MIN_PASSPHRASE: Final = 8
_PLAIN: Final = "ONCEGATE WITNESS KEY"
_LOCKED: Final = "ONCEGATE ENCRYPTED WITNESS KEY"
_PURPOSE: Final = "witness-key"
_FOLDER: Final = 0o700


class WitnessHome:
    """A home that is there.

    Args:
        path: The folder.

    Attributes:
        path: The folder.
        name: The witness's name.
        vkey: What logs and verifiers are told.
        logs: Verifier key by origin.
        custodians: Who may begin a new epoch of a log, by its origin.

    Raises:
        HomeInvalid: It is not a witness's home, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            read = json.loads((path / CONFIG).read_text(encoding="utf-8"))
            _require(read, {"format", "name", "vkey", "logs"})
            logs = {log["origin"]: NoteVerifier(log["vkey"]) for log in read["logs"] if _require(log, _LOG)}
            custodians = {log["origin"]: Custodians(log["custodians"], log["needed"]) for log in read["logs"]}
        except FileNotFoundError:
            raise HomeInvalid(f"{CONFIG}: is missing; make a home with `oncegate-witness create`") from None
        except (OSError, ValueError, TypeError, KeyError, BadCheckpoint, BadEpoch) as error:
            raise HomeInvalid(f"{CONFIG}: is damaged") from error
        if read["format"] != FORMAT or not isinstance(read["name"], str) or len(logs) != len(read["logs"]):
            raise HomeInvalid(f"{CONFIG}: is damaged, or of another version")
        self.name: str = read["name"]
        self.vkey: str = read["vkey"]
        self.logs: dict[str, NoteVerifier] = logs
        self.custodians: dict[str, Custodians] = custodians

    @classmethod
    def create(cls, path: Path, name: str, passphrase: bytes | None) -> Self:
        """Makes a home with a fresh key. Never in a folder that holds something.

        Args:
            path: The folder; made if it does not exist.
            name: The witness's name, a URL without scheme such as "audit.example/witness".
            passphrase: Encrypts the key; None leaves it to the mode of the file.

        Raises:
            HomeInvalid: The folder is not empty, the name is malformed, or the passphrase is too short.
            OSError: The system refuses.
        """
        path.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise HomeInvalid("the folder is not empty")
        if passphrase is not None and len(passphrase) < MIN_PASSPHRASE:
            raise HomeInvalid(f"a passphrase has at least {MIN_PASSPHRASE} bytes")
        try:
            cosigner = Cosigner.generate(name)
        except BadCheckpoint as error:
            raise HomeInvalid(str(error)) from None
        (path / EVIDENCE).mkdir(mode=_FOLDER)
        SqliteHeads.create(path / STATE)
        if passphrase is None:
            armoured = to_armour(_PLAIN, cosigner.seed)
        else:
            armoured = to_armour(_LOCKED, lock(passphrase, cosigner.seed, purpose=_PURPOSE))
        write_secret(path / KEY, armoured, Existing.REFUSE)
        _write(path, name, cosigner.vkey, {}, {})
        return cls(path)

    @property
    def encrypted(self) -> bool:
        """Whether the key is under a passphrase.

        Raises:
            KeyringCorrupt: The key is not there.
            SecretExposed: Others may read it.
        """
        return _LOCKED.encode() in read_secret(self.path / KEY)

    def cosigner(self, passphrase: bytes | None) -> Cosigner:
        """The key. Fails closed.

        Args:
            passphrase: Of the key; None if it is not encrypted.

        Raises:
            KeysError: The key is not there, open to others, damaged, or the passphrase is wrong or missing.
            HomeInvalid: It is not the key that this home tells of.
        """
        armoured = read_secret(self.path / KEY)
        if passphrase is not None and _LOCKED.encode() in armoured:
            seed = unlock(passphrase, from_armour(_LOCKED, armoured), purpose=_PURPOSE)
        else:
            seed = from_armour(_PLAIN, armoured)
        try:
            cosigner = Cosigner(self.name, seed)
        except KeysError as error:
            raise HomeInvalid(f"{KEY}: is damaged") from error
        if cosigner.vkey != self.vkey:
            raise HomeInvalid(f"{KEY}: is not the key that {CONFIG} tells of")
        return cosigner

    def heads(self) -> SqliteHeads:
        """What was cosigned.

        Raises:
            StateInvalid: It is missing or damaged.
        """
        return SqliteHeads(self.path / STATE)

    def evidence(self) -> Evidence:
        """Where conflicts are written down.

        Raises:
            HomeInvalid: The folder is missing.
        """
        if not (self.path / EVIDENCE).is_dir():
            raise HomeInvalid(f"{EVIDENCE}: is missing")
        return Evidence(self.path / EVIDENCE)

    def add_log(self, vkey: str, origin: str | None = None) -> str:
        """Follows a log from now on.

        Args:
            vkey: The log's verifier key, obtained from elsewhere than the log.
            origin: Its name; the key's name unless given.

        Returns:
            The origin.

        Raises:
            HomeInvalid: The key or the origin is malformed, the log is followed under another key, or there are too
                many.
            StateInvalid: The memory is missing or damaged.
        """
        try:
            verifier = NoteVerifier(vkey)
        except BadCheckpoint as error:
            raise HomeInvalid(str(error)) from None
        origin = origin or verifier.name
        if not origin.isprintable():
            raise HomeInvalid("an origin is one printable line")
        if origin in self.logs and self.logs[origin].vkey != vkey:
            raise HomeInvalid("this log is followed already, under another key")
        if len(self.logs) >= MOST_LOGS:
            raise HomeInvalid(f"a witness follows at most {MOST_LOGS} logs")
        heads = self.heads()
        try:
            heads.enrol(origin)
        finally:
            heads.close()
        self.logs[origin] = verifier
        self.custodians.setdefault(origin, Custodians())
        _write(self.path, self.name, self.vkey, self.logs, self.custodians)
        return origin

    def pin_custodians(self, origin: str, keys: Sequence[str], needed: int) -> None:
        """Believes these custodians, and no others, about new epochs of a log.

        Args:
            origin: The log's name.
            keys: Their verifier keys, obtained from elsewhere than the log; none: it never changes its name.
            needed: How many of them must sign.

        Raises:
            HomeInvalid: The log is not followed, or they make no set.
        """
        if origin not in self.logs:
            raise HomeInvalid("this log is not followed")
        try:
            self.custodians[origin] = Custodians(keys, needed)
        except BadEpoch as error:
            raise HomeInvalid(str(error)) from None
        _write(self.path, self.name, self.vkey, self.logs, self.custodians)

    def remove_log(self, origin: str) -> None:
        """Follows a log no more. What was cosigned is not forgotten: who follows it again goes on from there.

        Raises:
            HomeInvalid: It is not followed.
        """
        if origin not in self.logs:
            raise HomeInvalid("this log is not followed")
        del self.logs[origin], self.custodians[origin]
        _write(self.path, self.name, self.vkey, self.logs, self.custodians)


_LOG: Final = {"origin", "vkey", "custodians", "needed"}


def _require(read: Any, keys: set[str]) -> bool:
    """Accepts by returning an object with exactly these keys.

    Raises:
        ValueError: It is not one.
    """
    if not isinstance(read, dict) or set(read) != keys:
        raise ValueError("an object has other keys")
    return True


def _write(
    path: Path, name: str, vkey: str, logs: Mapping[str, NoteVerifier], custodians: Mapping[str, Custodians]
) -> None:
    body = {
        "format": FORMAT,
        "name": name,
        "vkey": vkey,
        "logs": [
            {
                "origin": origin,
                "vkey": log.vkey,
                "custodians": list(custodians[origin].keys),
                "needed": custodians[origin].needed,
            }
            for origin, log in sorted(logs.items())
        ],
    }
    write_secret(path / CONFIG, json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n")
    sync_folder(path)
