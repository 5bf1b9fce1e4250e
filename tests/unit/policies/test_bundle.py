"""A bundle that is not wholly understood does not load, so nothing is decided by it."""

import json
import os
import re
from pathlib import Path

import cedarpy
import pytest

from policies.engine import GUARDRAILS, BadBundle, PolicyEngine
from policies.engine.bundle import PACKAGED, check_bundle, digest_of, load_bundle, read_files
from policies.engine.probes import FORBIDDEN
from policies.tables.files import files_beside, tables_in
from policies.vocabulary import Classification, Form, LegalBasis, SharingType
from tests.support.policy_cases import bundle_copy


def refusal(directory: Path) -> str:
    with pytest.raises(BadBundle) as caught:
        PolicyEngine.load(directory)
    return caught.value.rule


def without_rule(text: str, name: str) -> str:
    shorter, count = re.subn(rf'@id\("{name}"\).*?^[^/@]*?;\n', "", text, flags=re.DOTALL | re.MULTILINE)
    assert count == 1
    return shorter


def test_the_packaged_bundle_loads_and_its_digest_is_stable() -> None:
    digest = PolicyEngine.load().digest
    assert digest == PolicyEngine.load(PACKAGED).digest
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)


def test_a_changed_bundle_has_another_digest(tmp_path: Path) -> None:
    assert PolicyEngine.load(bundle_copy(tmp_path, sharing=("", "// a remark"))).digest != PolicyEngine.load().digest


def test_a_directory_that_is_missing_or_empty_does_not_load(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "nowhere")
    assert "has no schema.cedarschema" in refusal(tmp_path)


def test_a_bundle_without_rules_does_not_load(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path)
    for path in copy.glob("*.cedar"):
        path.write_text("", encoding="utf-8")
    assert refusal(copy) == "is empty: no rule permits anything"


def test_guardrails_without_any_permit_do_not_load(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path)
    (copy / "sharing.cedar").unlink()
    assert refusal(copy) == "is empty: no rule permits anything"


@pytest.mark.domain_check(number=14)
@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_bundle_that_lacks_one_guardrail_does_not_load(tmp_path: Path, name: str) -> None:
    copy = bundle_copy(tmp_path)
    path = copy / "guardrails.cedar"
    path.write_text(without_rule(path.read_text(encoding="utf-8"), name), encoding="utf-8")
    assert refusal(copy) == f"lacks the guardrail {name}"


@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_guardrail_that_was_hollowed_out_does_not_load(tmp_path: Path, name: str) -> None:
    copy = bundle_copy(tmp_path)
    path = copy / "guardrails.cedar"
    hollow = f'@id("{name}") forbid (principal, action == Action::"release", resource) when {{ 1 == 2 }};\n'
    path.write_text(without_rule(path.read_text(encoding="utf-8"), name) + hollow, encoding="utf-8")
    # The validator may already see that such a rule never holds; either way it does not load.
    assert re.search(rf"guardrail {name} does not forbid|does not validate", refusal(copy))


@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_guardrail_turned_into_a_permit_does_not_load(tmp_path: Path, name: str) -> None:
    copy = bundle_copy(tmp_path)
    path = copy / "guardrails.cedar"
    text, count = re.subn(rf'(@id\("{name}"\)\n(?:@.*\n)*)forbid', r"\1permit", path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(text, encoding="utf-8")
    assert refusal(copy) == f"lacks the guardrail {name}"


def test_a_guardrail_that_forbids_everything_does_not_load(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path, guardrails=('when { context.purpose == Purpose::"" };', ";"))
    assert "guardrail purpose-is-stated forbids what it must leave alone" in refusal(copy)


@pytest.mark.domain_check(number=14)
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("permit (principal, action, resource) when { resource.colour == 1 };", "does not validate"),
        ('forbid (principal, action == Action::"peek", resource);', "does not validate"),
        ('forbid (principal == Person::"x", action, resource);', "does not validate"),
        ('forbid (principal, action, resource) when { context.form == Form::"valeu" };', "does not validate"),
        ('forbid (principal, action, resource) when { context.basis == Basis::"whim" };', "does not validate"),
        ("forbid (principal, action, resource) when { context.form == 3 };", "does not validate"),
        ('forbid (principal, action, resource) when { context.purpose == Purpose::"taxes" };', "not registered"),
        ("forbid (principal, action, resource) when {", "does not parse"),
        ("permit (principal == ?principal, action, resource);", "has a template"),
    ],
)
def test_a_rule_with_an_unknown_term_or_a_wrong_type_does_not_load(tmp_path: Path, rule: str, why: str) -> None:
    assert why in refusal(bundle_copy(tmp_path, sharing=("", f'@id("local") {rule}')))


@pytest.mark.parametrize(
    "rule",
    [
        # Each validates. Cedar would skip each when the entity is missing or the sum overflows, and the permit would win.
        'forbid (principal, action, resource) when { resource.classification == Classification::"public" };',
        'forbid (principal, action, resource) when { context.agreement.consumer == Department::"x" };',
        'forbid (principal, action, resource) when { resource.belongs_to.provider == Department::"x" };',
        'forbid (principal, action, resource) when { context.term == Term::"in_force" && 9223372036854775807 + 1 < 0 };',
    ],
)
def test_a_rule_that_can_err_does_not_load(tmp_path: Path, rule: str) -> None:
    told = refusal(bundle_copy(tmp_path, sharing=("", f'@id("local") {rule}')))
    # By the name that its author gave it: Cedar's numbers mean nothing to anyone.
    assert told.startswith("a rule errs: error while evaluating policy `local`")


@pytest.mark.parametrize("name", GUARDRAILS)
def test_no_guardrail_reads_an_attribute_without_asking_whether_it_is_there(name: str) -> None:
    text = (PACKAGED / "guardrails.cedar").read_text(encoding="utf-8")
    rules = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    (rule,) = [rule for rule in rules if rule["annotations"]["id"] == name]
    read, asked = set(), set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            for operator, into in ((".", read), ("has", asked)):
                if operator in node and "attr" in node[operator]:
                    into.add((json.dumps(node[operator]["left"], sort_keys=True), node[operator]["attr"]))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(rule["conditions"])
    context = json.dumps({"Var": "context"})
    assert {one for one in read if one[0] != context} <= asked


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("forbid (principal, action, resource);", "without a proper @id"),
        ('@id("Local!") forbid (principal, action, resource);', "without a proper @id"),
        ('@id("known-terms") forbid (principal, action, resource);', "without a proper @id"),
        ('@id("system-is-listed") forbid (principal, action, resource);', "two rules with the @id system-is-listed"),
    ],
)
def test_a_rule_without_its_own_name_does_not_load(tmp_path: Path, rule: str, why: str) -> None:
    assert why in refusal(bundle_copy(tmp_path, sharing=("", rule)))


def test_a_schema_that_does_not_fit_the_exchange_does_not_load(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path, schema=("term_days: Long,", "term_days: Long, colour: String,"))
    assert "schema does not fit" in refusal(copy)
    other = bundle_copy(tmp_path / "other", schema=("case_present: Bool,", "case_present: Bool, colour: String,"))
    assert "a rule errs" in refusal(other)


def test_files_that_are_not_text_or_too_large_or_a_second_schema_do_not_load(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path)
    extra = copy / "extra.cedar"
    extra.write_bytes(b"\xff\xfe")
    assert refusal(copy) == "extra.cedar is not UTF-8"
    extra.write_bytes(b"/" * 1_048_577)
    assert "is larger than" in refusal(copy)
    extra.rename(copy / "extra.cedarschema")
    (copy / "extra.cedarschema").write_text("entity X;", encoding="utf-8")
    assert refusal(copy) == "has more than one schema"


def test_what_is_no_ordinary_file_is_no_part_of_a_bundle_and_is_not_waited_for(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path)
    whole = load_bundle(copy).digest
    os.mkfifo(copy / "own.cedar")
    (copy / "folder.cedar").mkdir()
    assert load_bundle(copy).digest == whole
    os.mkfifo(copy / "tests" / "own.decisions.toml")
    assert [path.name for path in tables_in([copy / "tests"])] == [
        path.name for path in tables_in([PACKAGED / "tests"])
    ]
    assert files_beside(copy / "tests").keys() == files_beside(PACKAGED / "tests").keys()


def test_a_bundle_that_permits_without_entities_does_not_load(tmp_path: Path) -> None:
    # A probe that is permitted although an entity is missing would show a guardrail that fails open.
    copy = bundle_copy(
        tmp_path,
        guardrails=(
            "  resource has classification &&\n  (resource.classification",
            "  !(resource has classification) ||\n  (resource.classification",
        ),
    )
    load_bundle(copy)  # Other guardrails still forbid when the field is missing.
    everything = re.compile(r"(unless\s*\{)(.*?)(\n?\s*\};)", re.DOTALL)
    path = copy / "guardrails.cedar"
    text = everything.sub(r"\1 !(resource has forms) || (\2) \3", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    sharing = copy / "sharing.cedar"
    sharing.write_text(sharing.read_text(encoding="utf-8") + '@id("all") permit (principal, action, resource);\n')
    assert refusal(copy) == "permits while the entity Field is missing"


def test_every_rule_of_the_packaged_bundle_says_in_both_languages_what_it_is_for() -> None:
    for rule in load_bundle(PACKAGED).titles.values():
        assert rule.id not in {rule.zh, rule.en}, f"{rule.id} needs @title_zh and @title_en"
        assert rule.scope, f"{rule.id} needs @scope"


@pytest.mark.parametrize(
    "annotation",
    [
        '@title_en("x\\nIt was released.")',
        '@title_zh("\\u{202e}x")',
        '@title_en("\\u{1b}[2J")',
        f'@scope("{"x" * 301}")',
    ],
)
def test_a_title_that_could_pass_for_another_sentence_does_not_load(tmp_path: Path, annotation: str) -> None:
    local = f'@id("local") {annotation} forbid (principal, action, resource) when {{ context.purpose == Purpose::"" }};'
    assert "must be one line of at most 300 printable characters" in refusal(bundle_copy(tmp_path, sharing=("", local)))


def test_a_rule_without_a_title_is_called_by_its_id(tmp_path: Path) -> None:
    local = '@id("local") forbid (principal, action, resource) when { context.purpose == Purpose::"tax_assessment" };'
    titles = load_bundle(bundle_copy(tmp_path, sharing=("", local))).titles
    assert (titles["local"].zh, titles["local"].en, titles["local"].effect) == ("local", "local", "forbid")


def test_a_bundle_out_of_bytes_is_the_one_out_of_the_folder_and_takes_nothing_else() -> None:
    files = read_files(PACKAGED)
    assert check_bundle(files).digest == load_bundle(PACKAGED).digest == digest_of(files)
    for name in ("notes.txt", "../x.cedar", "a/b.cedar", ".cedar", ""):
        with pytest.raises(BadBundle):
            check_bundle({**files, name: b""})


def test_every_guardrail_has_a_probe_and_every_probe_a_guardrail() -> None:
    assert FORBIDDEN.keys() == GUARDRAILS.keys()


def test_the_schema_lists_exactly_the_words_of_the_vocabulary() -> None:
    text = (PACKAGED / "schema.cedarschema").read_text(encoding="utf-8")
    lists = {name: re.findall(r'"(\w+)"', words) for name, words in re.findall(r"entity (\w+) enum \[(.*?)\]", text)}
    assert lists == {
        "Form": list(Form),
        "Basis": list(LegalBasis),
        "Classification": list(Classification),
        "SharingType": list(SharingType),
        "Term": ["none", "not_started", "in_force", "expired"],
    }
