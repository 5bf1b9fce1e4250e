"""The act about consent: a citizen is asked, agrees, is asked about, changes their mind, and sees all of it.

The citizen agrees with a token of the city's identity provider over the exact text, so that the civil registry's node
can check the consent without believing the gateway.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.cli.demo.cast import Cast, hold
from gateway.cli.demo.city import GATEWAY, NODE
from gateway.cli.demo.issuer import DemoIssuer
from gateway.cli.output import EXIT_REFUSED

ITEM = "civil.resident:address=value"
_KEEP_DAYS = "30"


class ConsentAct:
    """The act.

    Args:
        cast: Runs the commands.
        issuer: Whose word the citizen's is.
        system: Home of the asking system.
        subject: The citizen's identifier.
        address: The address that the register has.
        purpose: What the system asks for.
        citizen: Options of the citizen's commands.
        tokens: Folder for the token that proves the consent.
        tell: Prints a line of the story.
    """

    def __init__(
        self,
        cast: Cast,
        issuer: DemoIssuer,
        *,
        system: str,
        subject: str,
        address: str,
        purpose: str,
        citizen: tuple[str, ...],
        tokens: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._cast = cast
        self._issuer = issuer
        self._system = system
        self._subject = subject
        self._address = address
        self._purpose = purpose
        self._citizen = citizen
        self._token = tokens / "consent.jwt"
        self._tell = tell

    def __call__(self) -> None:
        """Play it."""
        consent, digest = self._granted()
        answer = self._cast.run_json(*self._fetch(digest))
        [row] = answer["rows"]
        hold(row["text"] == self._address, "the consent lets the school have the whole address", answer)
        self._tell(f"The school has the whole address now: {row['text']}")
        self._cast.run(GATEWAY, "me", "consent", "withdraw", consent, *self._citizen)
        began = time.monotonic()
        words = self._cast.run(*self._fetch(digest), expect=(EXIT_REFUSED,))
        hold("CONSENT_REVOKED" in words, "the next question is refused because the consent was withdrawn", words)
        took_s = time.monotonic() - began
        self._tell(
            f"The citizen withdrew it. Asked again at once; the answer, {took_s:.1f} s later with the command's start:"
        )
        self._tell(words)
        self._seen(consent)

    def _granted(self) -> tuple[str, str]:
        """The school asks, the citizen reads and agrees; id and digest of the consent."""
        asked = self._cast.run_json(
            *(NODE, "consent", "request", ITEM, "--home", self._system),
            *("--subject", f"cn.resident-id={self._subject}", "--purpose", self._purpose),
            *("--fetch", "periodic", "--keep-days", _KEEP_DAYS),
        )
        consent = str(asked["consent_id"])
        shown = self._me("show", consent)
        self._tell(f"The school asks the citizen for one thing more, {ITEM}. The notice: {shown['notice']}")
        self._issuer.token(self._token, "citizen-1", resident_id=self._subject, nonce=shown["nonce"])
        granted = self._me("grant", consent, "--proof-token-file", str(self._token))
        hold(
            (granted["status"], granted["proof"]) == ("granted", "token"),
            "the citizen's own token stands for the consent",
            granted,
        )
        self._tell("The citizen agreed, with a token over this very text: the registry's node checks it by itself.")
        return consent, str(granted["digest"])

    def _seen(self, consent: str) -> None:
        """Use, end and the refused question are in the citizen's own lists."""
        one = next(entry for entry in self._me("list") if entry["consent_id"] == consent)
        hold((one["status"], one["uses"]) == ("revoked", 1), "the citizen's list has its one use and its end", one)
        page = self._cast.run_json(GATEWAY, "me", "accesses", "--page-size", "20", *self._citizen)
        text = json.dumps(page)
        hold("CONSENT_REVOKED" in text, "the refused question is among the citizen's accesses", page)
        self._tell("The citizen's list: withdrawn, used once; and the refused question is among the accesses.")

    def _me(self, *words: str) -> Any:
        return self._cast.run_json(GATEWAY, "me", "consent", *words, *self._citizen)

    def _fetch(self, digest: str) -> tuple[str, ...]:
        return (
            *(NODE, "fetch", ITEM, "--home", self._system, "--subject", f"cn.resident-id={self._subject}"),
            *("--purpose", self._purpose, "--basis", "consent", "--consent", digest, "--case", "2026-XX-0003"),
        )
