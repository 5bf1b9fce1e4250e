"""docs/agreements.md, "From proposal to the first answer": its commands, run as they stand there, lead to an answer."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from keys.passphrase import LOWEST
from nodes.enrolment.private_files import write_whole
from tests.support.city import ALICE, CIVIL, City, fill_civil
from tests.support.log_book import logged
from tests.unit.docs.pages import read

PASSPHRASE = "a long passphrase"
MOST_COMMANDS = 6


def documented() -> list[str]:
    """The lines of the example that are commands."""
    after = read("docs/agreements.md").split("\n## From proposal to the first answer\n", 1)[1]
    block = re.search(r"```sh\n(.*?)```", after, re.DOTALL)
    assert block is not None
    return [line for line in block[1].splitlines() if line and not line.startswith("#")]


async def run(
    city: City, line: str, environment: Mapping[str, str] = os.environ, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run one line in a shell, as a person would."""
    told = {
        **environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ONCEGATE_PASSPHRASE": PASSPHRASE,
        "CIVIL_KEY": city.keys["civil"].verify_key.fingerprint,
        "EDUCATION_KEY": city.keys["education"].verify_key.fingerprint,
        "LANG": "C.UTF-8",
    }
    result = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", line], cwd=city.folder, env=told, capture_output=True, text=True, check=False
    )
    assert result.returncode == expect, (line, result.stdout, result.stderr)
    return result


@pytest_asyncio.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    """Civil's node serves, education has a system, and nothing is agreed."""
    city = City(tmp_path)
    try:
        await city.start_gateway()
        city.register_departments()
        registry = await city.make_node("civil", CIVIL)
        fill_civil(registry.path / "source.db")
        counter = await city.enrol("education", "system", "counter")
        (tmp_path / "registry").symlink_to(registry.path)
        (tmp_path / "counter").symlink_to(counter.path)
        for department in ("civil", "education"):
            write_whole(tmp_path / f"{department}.key", city.keys[department].to_pem(PASSPHRASE.encode(), LOWEST))
        await city.start_node("civil")
        await city.synced("civil", 3)
        yield city
    finally:
        await city.close()


async def test_the_documented_commands_lead_from_a_proposal_to_the_first_answer(city: City) -> None:
    lines = documented()
    assert sum(line.count("oncegate-node ") for line in lines) <= MOST_COMMANDS
    assert ALICE in lines[-1]
    with logged(city) as book:
        for line in lines[:-1]:
            shown = await run(city, line)
        assert "accepted education-civil-resident revision 1" in shown.stdout
        answer = await run(city, lines[-1])
    assert "欧阳静好" in answer.stdout
    assert book.kinds[:2] == ["agreement_step", "agreement_step"]
    assert [entry.account["act"] for entry in book.entries[:2]] == ["propose", "approve"]
    # What the command acknowledges may be on the log already, or not yet.
    assert [kind for kind in book.kinds if kind != "acknowledged"][-2:] == ["asked", "released"]


@pytest.mark.long
async def test_what_a_department_suspends_is_not_released_until_it_resumes(city: City) -> None:
    lines = documented()
    for line in lines:
        await run(city, line)
    key = "--home registry --department-key civil.key"
    await run(city, f"oncegate-node agreement suspend education-civil-resident {key} --reason 系统检查")
    refused = await run(city, lines[-1], expect=3)
    assert "AGREEMENT_SUSPENDED" in refused.stderr
    assert (city.folder / "registry/agreements/education-civil-resident.stopped").exists()
    resume = "oncegate-node agreement resume education-civil-resident"
    await run(city, f"{resume} --home counter --department-key education.key")
    await run(city, lines[-1], expect=3)
    await run(city, f"{resume} {key}")
    assert "欧阳静好" in (await run(city, lines[-1])).stdout
    await run(city, f"oncegate-node agreement terminate education-civil-resident {key} --reason 业务终止")
    assert "NO_AGREEMENT" in (await run(city, lines[-1], expect=3)).stderr
    history = await run(city, "oncegate-node agreement history education-civil-resident --home counter --lang zh")
    for word in ("提出申请", "批准", "暂停", "恢复", "终止", "系统检查", "已验证：5 个步骤"):
        assert word in history.stdout


@contextmanager
def retired_at_the_node(city: City) -> Iterator[None]:
    """As long as it lasts, the files of civil's node say that the purpose is over."""
    settings = city.folder / "registry" / "node.toml"
    before = settings.read_text(encoding="utf-8")
    over = 'format = "oncegate.purposes/1"\n[school_enrolment]\nretired = 2001-01-01\n'
    (city.folder / "registry" / "purposes.toml").write_text(over, encoding="utf-8")
    settings.write_text(f'purposes = "purposes.toml"\n{before}', encoding="utf-8")
    yield
    settings.write_text(before, encoding="utf-8")


@pytest.mark.long
async def test_a_talk_with_a_question_a_narrower_text_a_revision_and_a_refusal(city: City) -> None:
    lines = documented()
    for line in lines[:2]:
        await run(city, line)
    agreement = "oncegate-node agreement"
    name = "education-civil-resident"
    civil = "--home registry --department-key civil.key"
    education = "--home counter --department-key education.key"
    waiting = await run(city, f"{agreement} inbox --home registry --json")
    (shown,) = json.loads(waiting.stdout)
    assert (shown["agreement"], shown["waits_for"], shown["late"]) == (name, "civil", False)
    assert json.loads((await run(city, f"{agreement} inbox --home counter --json")).stdout) == []

    await run(city, f"{agreement} ask {name} {civil} --reason 法律依据是什么？")
    await run(city, f"{agreement} answer {name} {education} --reason 义务教育法第十二条")
    await run(city, f"{agreement} show {name} --home registry --output narrow.toml")
    text = (city.folder / "narrow.toml").read_text(encoding="utf-8")
    (city.folder / "narrow.toml").write_text(text.replace("uses_per_day = 100", "uses_per_day = 10"), encoding="utf-8")
    (city.folder / "wide.toml").write_text(text.replace("uses_per_day = 100", "uses_per_day = 500"), encoding="utf-8")
    wider = await run(city, f"{agreement} narrow {name} wide.toml {civil}", expect=2)
    assert "text.uses_per_day" in wider.stderr
    await run(city, f"{agreement} narrow {name} narrow.toml {civil} --reason 够用即可")
    offered = await run(city, f"{agreement} show {name} --home counter --lang zh")
    assert re.search(r"缩小.*每日使用上限.*100.*10", offered.stdout)
    await run(city, f"{agreement} answer {name} --accept {education}")
    unseen = await run(city, f'{agreement} approve {name} {civil} --fingerprint "$EDUCATION_KEY"', expect=2)
    assert "show" in unseen.stderr
    with retired_at_the_node(city):
        over = await run(city, f'{agreement} approve {name} {civil} --fingerprint "$EDUCATION_KEY"', expect=2)
    assert "school_enrolment: must not be retired" in over.stderr
    for line in lines[2:]:
        await run(city, line)
    again = f'{agreement} accept --proposal {name} --home registry --fingerprint "$EDUCATION_KEY"'
    with retired_at_the_node(city):
        assert "school_enrolment: must not be retired" in (await run(city, again, expect=2)).stderr

    await run(city, lines[0].replace("wish.toml", "more.toml") + " --revision 2 --uses-per-day 1000")
    await run(city, f"{agreement} propose more.toml {education}")
    revised = await run(city, f"{agreement} show {name} --home registry --lang en")
    assert re.search(r"widens.*Uses per day.*10.*1000", revised.stdout)
    lawless = await run(city, f"{agreement} refuse {name} {civil} --reason 太多 --law ' '", expect=2)
    assert "law" in lawless.stderr
    await run(city, f"{agreement} refuse {name} {civil} --reason 太多 --law 个人信息保护法第六条")
    # The old revision stays in force.
    assert "欧阳静好" in (await run(city, lines[-1])).stdout
    await run(city, f"{agreement} history {name} --home registry --output history.json")
    told = json.loads((await run(city, f"{agreement} history --file history.json --json")).stdout)
    acts = ["propose", "ask", "answer", "narrow", "accept_narrowing", "approve", "revise", "refuse"]
    assert [step["act"] for step in told["steps"]] == acts
    listed = await run(city, f"oncegate agreement history {name} --home gateway --json")
    assert [step["act"] for step in json.loads(listed.stdout)["steps"]] == acts
    late = await run(city, "oncegate agreement overdue --home gateway --json")
    assert json.loads(late.stdout) == {"overdue": []}
    ending = await run(city, "oncegate agreement list --home gateway --expiring 400 --json")
    found = json.loads(ending.stdout)
    assert ([one["id"] for one in found["agreements"]], found["changed_proposals"]) == ([name], [])
    ending = await run(city, "oncegate agreement list --home gateway --expiring 30 --json")
    assert json.loads(ending.stdout)["agreements"] == []
    assert "approved" in (await run(city, f"oncegate agreement show {name} --home gateway")).stdout
