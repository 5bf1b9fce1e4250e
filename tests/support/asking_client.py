"""A system that asks without end as a process of its own: `asking_client.py HOME DIARY PEOPLE SEED`.

It writes a line of JSON for everything that a test compares with the log later, each in one write and at the moment it
is true, so that a killed process has said exactly what it had: `answer` (an answer was received), `sending` (a batch of
acknowledgements leaves), `delivered` (the gateway took it). SIGTERM ends it in order, and then it says `closed`.
"""

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any, Final

from keys.acknowledgement import Acknowledgement
from nodes.consumer import AsyncClient
from nodes.enrolment.errors import GatewayUnreachable, RequestRefused
from policies.identifiers import resident_id
from tests.support.city import PURPOSE

ITEMS: Final = ("civil.resident:name=value", "civil.resident:birth_date=year", "housing.property:location=value")
WORKERS: Final = 3
DELAY_S: Final = 0.4
"""Between acknowledgements: shorter than the product's, so that kills meet many."""


def person(number: int) -> str:
    """An identifier that is a number's alone."""
    return resident_id(f"110105{1940 + number % 70}0{1 + number % 9}{10 + number % 18}{number % 1000:03}")


class Diary:
    """Lines that outlive the process.

    Args:
        path: Where they are added.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, **facts: Any) -> None:
        """Add one."""
        os.write(self._file, json.dumps({"what": what, "pid": os.getpid(), **facts}).encode() + b"\n")


def said(batch: list[Acknowledgement]) -> list[tuple[int, str]]:
    """Which release each of a batch is about, and the digest of what it says."""
    return [(one.entry, one.said.hex()) for one in batch]


async def ask(client: AsyncClient, rng: random.Random, people: int, diary: Diary) -> None:
    """Ask, and write down what came back."""
    while True:
        try:
            answer = await client.fetch(
                subject=("cn.resident-id", person(rng.randrange(people))),
                purpose=PURPOSE,
                basis="mandate",
                items=ITEMS,
                deadline_s=3,
            )
        except (GatewayUnreachable, RequestRefused) as error:
            diary.write("error", code=str(error.code))
            await asyncio.sleep(0.1)
        else:
            diary.write(
                "answer",
                asked=(answer.asked.leaf_index, answer.asked.leaf_hash.hex()),
                outcome=(answer.outcome.leaf_index, answer.outcome.leaf_hash.hex()),
            )


async def _wait(ended: asyncio.Event) -> None:
    await ended.wait()


async def main(home: Path, diary: Diary, people: int, seed: int) -> None:
    """Ask until told to end."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    rng = random.Random(seed)
    async with AsyncClient(home, renew=False) as client:
        acknowledger = client.acknowledger
        assert acknowledger is not None
        acknowledger._delay_s = DELAY_S
        send = acknowledger._send

        async def told(batch: list[Acknowledgement]) -> None:
            diary.write("sending", said=said(batch))
            await send(batch)
            diary.write("delivered", said=said(batch))

        acknowledger._send = told  # type: ignore[method-assign]
        work = [asyncio.create_task(ask(client, random.Random(rng.random()), people, diary)) for _ in range(WORKERS)]
        ending = asyncio.create_task(_wait(ended))
        done, _ = await asyncio.wait([ending, *work], return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        for task in done - {ending}:
            # A worker ends only with an error that it must not meet.
            diary.write("broken", error=repr(task.exception()))
    diary.write("closed", refused=acknowledger.refused, lost=acknowledger.lost)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Diary(Path(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])))
