"""The demo's service items: what they need is in the demo's catalogue, in forms that are offered."""

from collections.abc import Mapping
from importlib.resources import files

import pytest

from gateway.cli.demo.register_files import DEPARTMENTS, HOUSING_URL, install_resources
from gateway.vault.fields import profile_resource
from nodes.provider.config import load_offer
from policies.resources import ResourceDescription
from policies.services import Known, Necessity, ServiceItem, State, evaluate, parse_service
from policies.services.lint import Offered, lint_offered, lint_service
from policies.services.reach import Asker
from policies.vocabulary import RECORD_FIELD
from tests.unit.policies.services.test_lint import agreement

FOLDER = files("gateway.cli.demo").joinpath("services")
NAMES = sorted(file.name for file in FOLDER.iterdir() if file.name.endswith(".toml"))


def read(name: str) -> ServiceItem:
    return parse_service(FOLDER.joinpath(name).read_bytes())


def offered(resource: ResourceDescription) -> Offered:
    fields = {field.code: (field.data_type, field.forms) for field in resource.fields}
    record = resource.field(RECORD_FIELD)
    assert record is not None
    return Offered(resource.subject_schemes, fields | {RECORD_FIELD: (record.data_type, record.forms)})


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Offered]:
    folder = tmp_path_factory.mktemp("resources")
    found = {"oncegate.profile": offered(profile_resource("data-bureau"))}
    for department in DEPARTMENTS:
        (folder / department).mkdir()
        file = install_resources(department, folder / department)
        offer = load_offer(file, department, {HOUSING_URL: "sqlite:///unused.db"})
        found |= {code: offered(resource.description) for code, resource in offer.resources.items()}
    return found


def test_there_is_one_for_each_of_three_real_services() -> None:
    assert [read(name).code for name in NAMES] == ["housing-fund-withdrawal", "newborn", "school-enrolment"]
    assert all(name == f"{read(name).code}.toml" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_is_in_the_demos_catalogue(name: str, catalogue: Mapping[str, Offered]) -> None:
    assert lint_offered(read(name), catalogue.get) == ()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_known_before_anybody_is_asked_and_what_is_handed_in_completes_what_may_be_handed_in(
    name: str,
) -> None:
    item = read(name)
    assert evaluate(item, Known({}, 0)).state in {State.UNKNOWN, State.INCOMPLETE}
    by_hand = {code for code, evidence in item.evidence.items() if evidence.by_hand is not None}
    result = evaluate(item, Known({}, 0, by_hand))
    required = (one for one in result.requirements if one.requirement.necessity is Necessity.REQUIRED)
    # Who applies for money is known by the register alone.
    alone = {"applicant"} if item.code == "housing-fund-withdrawal" else set()
    assert {one.requirement.code for one in required if one.by is None} == alone


@pytest.mark.parametrize("name", NAMES)
def test_agreements_for_its_least_revealing_forms_are_enough(name: str) -> None:
    item = read(name)
    granted: dict[str, dict[str, list[str]]] = {}
    predicates: dict[str, list[str]] = {}
    for evidence in item.evidence.values():
        for one in evidence.items:
            granted.setdefault(one.resource, {})[one.field] = [str(one.form)]
            if one.need is not None and one.need.operator is not None:
                key = "values" if one.need.operator == "in" else "value"
                constants = list(one.need.constants) if key == "values" else int(one.need.constants[0])
                predicates.setdefault(one.resource, []).append(
                    f'[[predicates]]\nname = "p_{evidence.code}"\nfield = "{one.field}"\n'
                    f'operator = "{one.need.operator}"\n{key} = {constants}\n'
                )
    accepted = [
        agreement(
            fields,
            "".join(predicates.get(resource, [])),
            resource=f'"{resource}"',
            consumer=f'"{item.department}"',
            purposes=f'["{item.purpose}"]',
            legal_basis='"explicit_request"',
        )
        for resource, fields in granted.items()
    ]
    findings = lint_service(item, accepted, Asker(item.department, "school", 1_750_000_000_000))
    assert {str(one.severity) for one in findings} <= {"note"}
