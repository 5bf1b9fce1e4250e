from pathlib import Path

import pytest

from tests.support.exchange_gateway import ExchangeGateway
from tests.unit.node_cli.conftest import Run, document

RESOURCES = """format = "oncegate.resources/1"

[sources.people]
kind = "csv"
path = "people.csv"

[[resources]]
code = "school.pupil"
name = { zh = "学生", en = "Pupil" }
abstract = { zh = "在读学生", en = "Pupils at school" }
classification = "confidential"
sharing_type = "conditional"
sharing_terms = "仅用于入学"
update_cycle = "P1D"
source = "people"
key = "id"
subject = { scheme = "cn.resident-id", column = "id_no" }

[[resources.fields]]
code = "name"
column = "xm"
name = { zh = "姓名", en = "Name" }
type = "string"
classification = "internal"
forms = ["masked", "value"]
mask = "name"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = ExchangeGateway.create().consumer_home(tmp_path / "home").path
    (home / "node.toml").write_text('format = "oncegate.node/1"\n')
    (home / "resources.toml").write_text(RESOURCES)
    return home


def test_a_good_configuration_is_listed(run: Run, home: Path) -> None:
    assert document(run("check", "--home", home, "--json")) == [
        {
            "resource": "school.pupil",
            "name_zh": "学生",
            "name_en": "Pupil",
            "source": "people",
            "fields": 1,
            "failure": "",
        }
    ]
    assert "No mistakes." in run("check", "--resources", home / "resources.toml", "--department", "school").stdout


def test_every_mistake_is_named_with_its_line_and_key(run: Run, home: Path) -> None:
    (home / "resources.toml").write_text(
        RESOURCES.replace('"confidential"', '"hush"').replace('mask = "name"', 'mask = "nose"')
    )
    errors = run("check", "--home", home, expect=2).stderr
    assert "resources.toml:11" in errors
    assert "resources.toml:26" in errors


def test_a_probe_asks_every_source(run: Run, home: Path) -> None:
    missing = run("check", "--home", home, "--probe", "--json", expect=4)
    assert document(missing)[0]["failure"]
    (home / "people.csv").write_text("id,id_no,xm\n1,11010519491231002X,王\n", encoding="utf-8")
    assert document(run("check", "--home", home, "--probe", "--json"))[0]["failure"] == ""


def test_it_says_what_it_needs(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONCEGATE_HOME", raising=False)
    assert "--department" in run("check", "--resources", home / "resources.toml", expect=2).stderr
    assert "--home" in run("check", expect=2).stderr
