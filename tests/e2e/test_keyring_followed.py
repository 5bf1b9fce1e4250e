"""A running gateway follows its keyring: it says when the newest does not open, and goes on when it does again."""

import json
from pathlib import Path

from gateway.bootstrap.keystore import Keystore
from gateway.settings import STATUS_FILE
from keys.secret_file import write_secret
from tests.support.city import City, running_city
from tests.support.lying_nodes import until


def status(city: City) -> dict[str, object]:
    found: dict[str, object] = json.loads((city.home / STATUS_FILE).read_text(encoding="utf-8"))
    return found


async def test_a_keyring_that_does_not_open_is_said_and_a_newer_index_key_is_learnt(tmp_path: Path) -> None:
    async with running_city(tmp_path) as city:
        tokens = city.parts.secrets.subject_tokens
        await until(lambda: (city.home / STATUS_FILE).exists() and status(city)["keyring_problem"] == "")
        place = city.home / "keyring.bin"
        older = place.read_bytes()
        with Keystore(city.parts.settings).changing() as change:
            change.save()
        newer = place.read_bytes()
        await until(lambda: city.parts.secrets.live.current("subject-index") == 1)
        write_secret(place, older)
        await until(lambda: status(city)["keyring_problem"] == "KEYRING_OUTDATED")
        write_secret(place, newer)
        await until(lambda: status(city)["keyring_problem"] == "")
        with Keystore(city.parts.settings).changing() as change:
            change.keyring.add("subject-index", bytes(range(32)))
            change.save()
        await until(lambda: status(city)["index_key_version"] == 2)
        assert tokens.current == 2
