from pathlib import Path

import pytest

from keys.signing import SigningKey
from nodes.enrolment.agreement_files import sign_agreement
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


AGREEMENT = """format = "oncegate.agreement/1"
id = "school-police"
revision = 1
provider = "school"
provider_key = "{provider_key}"
consumer = "police"
consumer_key = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
systems = ["counter"]
resource = "school.pupil"
legal_basis = "mandate"
purposes = ["school_enrolment"]
valid_from = 2026-01-01T00:00:00+08:00
valid_until = 2026-12-01T00:00:00+08:00
case_required = false
uses_per_day = 5

[[items]]
field = "name"
forms = ["value"]
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
            "agreements": [],
        }
    ]
    assert "No mistakes." in run("check", "--resources", home / "resources.toml", "--department", "school").stdout


def test_accepted_agreements_that_what_is_described_now_no_longer_allows_are_named(run: Run, home: Path) -> None:
    key = SigningKey.generate()
    path = home / "agreements" / "school-police.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(AGREEMENT.format(provider_key=key.verify_key.fingerprint))
    sign_agreement(path, key)
    (home / "resources.toml").write_text(
        RESOURCES.replace('"confidential"', '"sensitive"').replace('"internal"', '"sensitive"')
    )
    [found] = document(run("check", "--home", home, "--json"))
    assert found["agreements"] == [
        {"agreement": "school-police", "key": "impact_assessment", "rule": "is needed where a field is sensitive"}
    ]
    assert "school-police" in run("check", "--home", home).stdout
    (home / "resources.toml").write_text(RESOURCES)
    assert document(run("check", "--home", home, "--json"))[0]["agreements"] == []


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
