"""A node's settings and resource file: what is right is understood, what is wrong is named by line and key."""

import json
import re
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from nodes.errors import BadConfig
from nodes.provider.config import (
    CsvSource,
    DepartmentRules,
    Encoding,
    Handles,
    Limits,
    Offer,
    SqlSource,
    load_node,
    load_offer,
    load_settings,
)
from policies.consent_words import Proof
from policies.purposes import PURPOSES
from policies.resources import LocalText
from policies.vocabulary import Form, Mask, Mode
from tests.support.policy_purposes import TEXT as FURTHER_PURPOSES
from tests.support.policy_purposes import VOCABULARY
from tests.support.provider_world import RESOURCES_TOML

DOCS = Path(__file__).parents[3] / "docs" / "node.md"


def offer(folder: Path, text: str, environment: dict[str, str] | None = None) -> Offer:
    file = folder / "resources.toml"
    file.write_text(text)
    return load_offer(file, "civil", environment or {})


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        offer(folder, text)
    return [f"{mistake.line}: {mistake.key}: {mistake.rule}" for mistake in caught.value.mistakes]


def test_the_examples_in_the_documentation_are_understood(tmp_path: Path) -> None:
    node, consent, resources = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    public = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"}).as_dict(private=False)
    (tmp_path / "issuer.jwks.json").write_text(json.dumps({"keys": [public]}))
    (tmp_path / "node.toml").write_text(node + consent)
    (tmp_path / "resources.toml").write_text(resources)
    settings, found = load_node(tmp_path / "node.toml", "civil", {})
    assert settings.rules == DepartmentRules(frozenset({"some-department"}), {"civil.resident": frozenset({"10023"})})
    assert settings.limits == Limits()
    assert settings.consents.proof is Proof.REQUIRED
    [issuer] = settings.consents.issuers
    assert (issuer.issuer, issuer.algorithms, issuer.relations_claim) == ("https://id.example", ("ES256",), "")
    people, marriages = found.sources["people"], found.sources["marriages"]
    assert isinstance(people, SqlSource)
    assert people.url == f"sqlite:///{tmp_path / 'people.db'}"
    assert isinstance(marriages, CsvSource)
    assert (marriages.path, marriages.encoding) == (tmp_path / "marriages.csv", Encoding.GB18030)
    resource = found.resources["civil.resident"]
    assert resource.description.provider == "civil"
    assert resource.columns == ("id", "id_no", "updated_at", "xm", "xb")
    assert resource.handles is Handles.RANDOM
    assert resource.fields["name"].description.forms == {Form.MASKED, Form.VALUE}
    assert resource.fields["name"].description.mask is Mask.NAME
    assert resource.fields["sex"].values == {"1": "男", "2": "女"}
    assert (resource.fields["name"].max_bytes, resource.fields["sex"].max_bytes) == (200, 8)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('proof = "none"', "consent.proof"),
        ("strict = true", "consent.strict"),
        ('[[consent.issuers]]\njwks_file = "k.json"', "consent.issuers[0].issuer"),
        ('[[consent.issuers]]\nissuer = "i"', "consent.issuers[0].jwks_file"),
        ('[[consent.issuers]]\nissuer = "i"\njwks_file = "missing.json"', "consent.issuers[0].jwks_file"),
        (
            '[[consent.issuers]]\nissuer = "i"\njwks_file = "k.json"\nalgorithms = ["none"]',
            "consent.issuers[0].algorithms",
        ),
        (
            '[[consent.issuers]]\nissuer = "i"\njwks_file = "k.json"\nalgorithms = ["HS256"]',
            "consent.issuers[0].algorithms",
        ),
        ('[[consent.issuers]]\nissuer = "i"\njwks_file = "k.json"\nscheme = "x"', "consent.issuers[0].scheme"),
    ],
)
def test_what_a_department_asks_of_consents_is_understood_or_refused(tmp_path: Path, text: str, key: str) -> None:
    public = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"}).as_dict(private=False)
    (tmp_path / "k.json").write_text(json.dumps({"keys": [public]}))
    (tmp_path / "node.toml").write_text(f'format = "oncegate.node/1"\n[consent]\n{text}\n')
    with pytest.raises(BadConfig) as caught:
        load_settings(tmp_path / "node.toml")
    assert key in {mistake.key for mistake in caught.value.mistakes}


def test_a_minimal_node_file_has_the_documented_defaults(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n')
    settings = load_settings(tmp_path / "node.toml")
    assert settings.resources == tmp_path / "resources.toml"
    assert settings.state == tmp_path / "state" / "node.sqlite"
    assert settings.agreements == tmp_path / "agreements"
    assert settings.sync_every_s == 60
    assert settings.rules == DepartmentRules()


def test_a_password_comes_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    text = RESOURCES_TOML.replace('url = "sqlite:///people.db"', 'url_env = "PEOPLE_URL"')
    found = offer(tmp_path, text, {"PEOPLE_URL": "postgresql+pg8000://u:secret@db/people"})
    assert "secret" not in repr(found)
    assert mistakes(tmp_path, text) == ["5: sources.people.url_env: the environment variable is not set"]


ALL_WRONG = """format = "oncegate.resources/9"
extra = 1
[sources.people]
kind = "sql"
url = "people.db"
url_env = "X"
table = "a; DROP TABLE b"
workers = 0
timeout_s = true
[sources.bad]
kind = "excel"
[sources.Bad_Name]
kind = "csv"
encoding = "latin-1"
delimiter = "ab"
[[resources]]
code = "Civil"
name = "x"
abstract = { zh = "" }
classification = "secret"
sharing_type = "conditional"
update_cycle = 1
unlisted = "no"
handles = "secret"
source = "nowhere"
key = "a\\u0000b"
subject = { column = "id_no" }
utc_offset = "8"
max_bad = 2
max_removed = "all"
surprise = true
[[resources.fields]]
code = "Name"
name = { zh = "姓名", en = "Name" }
type = "text"
classification = "internal"
forms = ["value", "half"]
values = { "1" = 2 }
max_bytes = 1
[[resources.fields]]
code = "record"
column = "x"
name = { zh = "记录", en = "Record" }
type = "string"
classification = "internal"
forms = []
"""


def test_every_mistake_is_listed_with_line_and_key_and_no_value(tmp_path: Path) -> None:
    assert mistakes(tmp_path, ALL_WRONG) == [
        "1: format: must be oncegate.resources/1",
        "2: extra: is not known here",
        "5: sources.people.url: exactly one of url and url_env is required",
        "6: sources.people.url_env: the environment variable is not set",
        "7: sources.people.table: must be a table's name, with its schema if needed",
        "8: sources.people.workers: must be a whole number from 1 to 64",
        "9: sources.people.timeout_s: must be a whole number from 1 to 600",
        "11: sources.bad.kind: must be one of sql, csv",
        "12: sources.Bad_Name: the name of a source must match [a-z][a-z0-9_-]{0,62}",
        "12: sources.Bad_Name.path: is required",
        "14: sources.Bad_Name.encoding: must be one of utf-8, gb18030",
        "15: sources.Bad_Name.delimiter: must be one character such as , or ; or | or a tab",
        "17: resources[0].code: must be dotted lower-case words such as civil.resident",
        "18: resources[0].name: must be a table",
        "19: resources[0].abstract.zh: must not be empty",
        "19: resources[0].abstract.en: is required",
        "20: resources[0].classification: must be one of public, internal, confidential, sensitive",
        "22: resources[0].update_cycle: must be a text without control characters",
        "23: resources[0].unlisted: must be true or false",
        "24: resources[0].handles: must be one of random, keyed",
        "25: resources[0].source: no such source in this file",
        "26: resources[0].key: must be a text without control characters",
        "27: resources[0].subject.scheme: is required",
        "28: resources[0].utc_offset: must be an offset such as +08:00",
        "29: resources[0].max_bad: must be a share from 0 to 1",
        "30: resources[0].max_removed: must be a share from 0 to 1",
        "31: resources[0].surprise: is not known here",
        "32: resources[0].fields[0].column: is required",
        "33: resources[0].fields[0].code: must match [a-z][a-z0-9_]{0,63} and not be 'record', which every resource has",
        "35: resources[0].fields[0].type: must be one of string, date, integer, decimal, boolean",
        "37: resources[0].fields[0].forms: must be one of exists, predicate, year, masked, value",
        "38: resources[0].fields[0].values: must be a table from text to text",
        "39: resources[0].fields[0].max_bytes: must be a whole number from 8 to 1000000",
        "41: resources[0].fields[1].code: must match [a-z][a-z0-9_]{0,63} and not be 'record', which every resource has",
        "46: resources[0].fields[1].forms: must be a list of exists, predicate, year, masked, value",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('sharing_type = "unconditional"', 'sharing_type = "conditional"', "sharing_terms: conditional sharing must"),
        ('duty = "户籍管理"\n', "", "duty: unconditional sharing must state a duty"),
        ('purpose = "办理政务服务事项"', "", "purpose: unconditional sharing must state a purpose"),
        ('update_cycle = "P1D"', 'related = ["civil.resident"]\nupdate_cycle = "P1D"', "related[0]: must be another"),
        ('update_cycle = "P1D"', 'modes = ["bulk", "fax"]\nupdate_cycle = "P1D"', "modes: must be one of query, bulk"),
        (
            'update_cycle = "P1D"',
            'classification_path = [{ zh = "人口", en = "P" }, { zh = "户籍" }]\nupdate_cycle = "P1D"',
            "classification_path[1].en: is required",
        ),
        ('mask = "name"', 'authority = 7\nmask = "name"', "fields[0].authority: must be a text"),
        ('update_cycle = "P1D"', 'update_cycle = "daily"', "update_cycle: must be an ISO 8601 duration"),
        ('scheme = "cn.resident-id"', 'scheme = "xx.unknown"', "subject.scheme: is not a known scheme"),
        (
            'forms = ["predicate", "year", "value"]',
            'forms = ["masked"]',
            "fields[1].forms: the form masked is only for strings",
        ),
        ('mask = "name"\n', "", "fields[0].forms: the form masked needs a mask"),
        ('code = "sex"', 'code = "name"', "fields[2].code: must not repeat a field"),
        (
            'classification = "confidential"\nsharing',
            'classification = "public"\nsharing',
            "classification: must be at",
        ),
    ],
)
def test_the_shared_rules_of_a_resource_are_told_with_their_place(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in RESOURCES_TOML
    [found] = mistakes(tmp_path, RESOURCES_TOML.replace(old, new, 1))
    assert f"resources[0].{expected}" in found
    assert re.match(r"\d+: ", found)


def test_what_the_catalogue_says_beyond_terms_and_fields_is_read(tmp_path: Path) -> None:
    text = RESOURCES_TOML.replace(
        'update_cycle = "P1D"',
        'classification_path = [{ zh = "人口", en = "Population" }]\nmodes = ["query", "bulk"]\n'
        'related = ["tax.payer"]\nupdate_cycle = "P1D"',
        1,
    ).replace('mask = "name"', 'authority = "《户口登记条例》"\nmask = "name"', 1)
    described = offer(tmp_path, text).resources["civil.resident"].description
    assert described.classification_path == (LocalText("人口", "Population"),)
    assert described.modes == {Mode.QUERY, Mode.BULK}
    assert described.related == ("tax.payer",)
    assert (described.duty, described.purpose) == ("户籍管理", "办理政务服务事项")
    assert described.fields[0].authority == "《户口登记条例》"
    assert offer(tmp_path, RESOURCES_TOML).resources["civil.resident"].description.modes == {Mode.QUERY}


def test_a_resource_of_another_department_is_a_mistake(tmp_path: Path) -> None:
    text = RESOURCES_TOML.replace("civil.resident", "civilian.resident")
    assert mistakes(tmp_path, text) == ["9: resources[0].code: must begin with this department's id and a dot"]


def test_a_resource_twice_is_a_mistake(tmp_path: Path) -> None:
    second = RESOURCES_TOML[RESOURCES_TOML.index("[[resources]]") :]
    assert any(
        m.endswith("resources[1].code: must not repeat a resource") for m in mistakes(tmp_path, RESOURCES_TOML + second)
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'format = "a\n', "1: : is not valid TOML from here on"),
        (b"a = 1\n[b\n", "2: : is not valid TOML from here on"),
        ("a = 1\n# 中文".encode("gb18030"), "2: : is not UTF-8"),
        (b"a" * (4 * 1024 * 1024 + 1), "None: : is larger than 4 MiB"),
    ],
)
def test_a_file_that_is_not_toml_says_where(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "resources.toml"
    file.write_bytes(content)
    with pytest.raises(BadConfig) as caught:
        load_offer(file, "civil", {})
    [mistake] = caught.value.mistakes
    assert f"{mistake.line}: {mistake.key}: {mistake.rule}" == expected


def test_a_missing_file_and_an_empty_one_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"resources\.toml: cannot be read"):
        load_offer(tmp_path / "resources.toml", "civil", {})
    assert mistakes(tmp_path, "") == [
        "None: format: is required",
        "None: sources: is required",
        "None: resources: is required",
    ]


def test_tables_that_are_not_tables_are_mistakes(tmp_path: Path) -> None:
    text = 'format = "oncegate.resources/1"\nresources = [1]\n[sources]\npeople = 1\n'
    assert mistakes(tmp_path, text) == [
        "2: resources: must be a list of tables, at least one",
        "4: sources.people: must be a table",
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "resources.toml"
    file.write_bytes(b"\xef\xbb\xbf" + RESOURCES_TOML.replace("\n", "\r\n").encode())
    assert load_offer(file, "civil", {}).resources


def test_mistakes_in_the_node_file_are_listed_too(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(
        'format = "x"\nsync_every_s = 0\n[withhold]\ndepartments = ["Bad Id"]\nrecords = { "civil.resident" = [1] }\n'
        "[limits]\nclock_offset_ms = -1\nticket_life = 3\n"
    )
    with pytest.raises(BadConfig) as caught:
        load_settings(file)
    assert [f"{m.line}: {m.key}" for m in caught.value.mistakes] == [
        "1: format",
        "2: sync_every_s",
        "4: withhold.departments",
        "5: withhold.records.civil.resident",
        "7: limits.clock_offset_ms",
        "8: limits.ticket_life",
    ]


def test_further_purposes_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('format = "oncegate.node/1"\npurposes = "purposes.toml"\n')
    (tmp_path / "purposes.toml").write_text(FURTHER_PURPOSES)
    assert load_settings(file).purposes == VOCABULARY
    file.write_text('format = "oncegate.node/1"\n')
    assert load_settings(file).purposes == PURPOSES


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "purposes.toml: the file cannot be read"),
        (
            'format = "oncegate.purposes/1"\n[tax_assessment]\nretired = "soon"\n',
            "purposes.toml:3: tax_assessment.retired: must be a date such as 2027-01-01, without a time",
        ),
    ],
)
def test_a_mistake_in_the_file_of_purposes_is_told_with_its_place_there(
    tmp_path: Path, content: str | None, expected: str
) -> None:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\npurposes = "purposes.toml"\n')
    if content is not None:
        (tmp_path / "purposes.toml").write_text(content)
    with pytest.raises(BadConfig) as caught:
        load_settings(tmp_path / "node.toml")
    assert [str(mistake) for mistake in caught.value.mistakes] == [expected]


def test_withheld_records_of_a_resource_that_is_not_offered_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "resources.toml").write_text(RESOURCES_TOML)
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\n[withhold.records]\n"civil.other" = ["1"]\n')
    with pytest.raises(BadConfig, match="names a resource that the node does not offer"):
        load_node(tmp_path / "node.toml", "civil", {})


def test_a_broken_node_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read"):
        load_settings(tmp_path / "node.toml")
