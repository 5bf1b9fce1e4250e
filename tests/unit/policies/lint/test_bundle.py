"""The linter finds what is planted in a bundle, names place and example, and is silent about the packaged one."""

import pytest

from policies.engine import GUARDRAILS
from policies.engine.bundle import PACKAGED, read_files
from policies.lint import FINDINGS, Finding, FindingCode, Severity, lint_bundle
from policies.lint.scope import BadScope, parse_scope

HEAD = '@id("own") @title_zh("自") @title_en("own") @scope("{scope}")\n'
FILES = read_files(PACKAGED)


def own(rule: str, scope: str = "*", known: dict[str, set[str]] | None = None) -> list[Finding]:
    """Findings about a bundle with one rule more."""
    text = f"\n\n{HEAD.replace('{scope}', scope)}{rule}\n"
    return list(lint_bundle({**FILES, "own.cedar": text.encode()}, known))


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [one.en for one in findings]
    return findings[0]


def test_the_packaged_bundle_is_clean() -> None:
    assert lint_bundle(FILES) == ()


def test_every_code_has_a_severity_and_both_texts() -> None:
    assert set(FINDINGS) == set(FindingCode)
    for kind in FINDINGS.values():
        assert kind.zh
        assert kind.en


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (
            (
                'forbid (principal, action, resource) when { context.purpose == Purpose::"tax_assessment" && '
                'context.purpose == Purpose::"school_enrolment" };'
            ),
            FindingCode.RULE_NEVER_MATCHES,
        ),
        (
            'forbid (principal, action, resource) when { context.form == Form::"year" && context.form == Form::"value" };',
            FindingCode.RULE_NEVER_MATCHES,
        ),
        (
            (
                'forbid (principal, action, resource) when { context.purpose == Purpose::"" && '
                'context.form == Form::"value" };'
            ),
            FindingCode.RULE_SHADOWED,
        ),
        (
            (
                "permit (principal, action, resource) when { context.agreement has items && context.term == "
                'Term::"in_force" && context.form == Form::"year" && principal in context.agreement.consumer && '
                'context.agreement.items.contains({ "field": resource, "form": context.form }) };'
            ),
            FindingCode.RULE_SHADOWED,
        ),
        (
            'permit (principal in Department::"civil", action, resource);',
            FindingCode.PERMIT_WITHOUT_AGREEMENT,
        ),
        (
            'permit (principal, action, resource) when { context.term != Term::"none" };',
            FindingCode.PERMIT_WITHOUT_AGREEMENT,
        ),
    ],
)
def test_a_planted_mistake_is_found_at_its_line(rule: str, code: FindingCode) -> None:
    found = next(one for one in own(rule) if one.code is code)
    assert (found.file, found.line, found.subject) == ("own.cedar", 3, "own")
    assert found.place == "own.cedar:3"
    assert found.zh
    assert found.detail


@pytest.mark.parametrize(
    ("rule", "scope"),
    [
        ('forbid (principal, action, resource) when { context.form == Form::"year" };', "form=year"),
        (
            (
                "forbid (principal, action, resource) when { context.agreement has term_days && "
                "context.agreement.term_days > 90 };"
            ),
            "agreement=some",
        ),
        ('forbid (principal, action, resource in Resource::"civil.resident");', "resource=civil.resident"),
        ('forbid (principal == System::"a/b", action, resource);', "system=a/b"),
        ('forbid (principal, action, resource == Field::"civil.resident:name");', "field=civil.resident:name"),
        (
            (
                "forbid (principal, action, resource) when { resource has classification && resource.classification == "
                'Classification::"internal" && context.case_present };'
            ),
            "classification=internal",
        ),
    ],
)
def test_a_sound_rule_is_not_found_fault_with(rule: str, scope: str) -> None:
    assert own(rule, scope) == []


@pytest.mark.parametrize(
    ("rule", "scope", "outside"),
    [
        ('forbid (principal, action, resource) when { context.form == Form::"value" };', "form=year", "form=value"),
        (
            'forbid (principal, action, resource) when { resource in Resource::"a.b" || resource in Resource::"c.d" };',
            "resource=a.b",
            "resource=c.d",
        ),
        ("forbid (principal, action, resource) when { !context.case_present };", "purpose=tax_assessment", "purpose="),
        ('forbid (principal in Department::"x", action, resource);', "consumer=y", "consumer=x"),
        ('forbid (principal in Department::"x", action, resource);', "provider=x", "provider=probe-provider"),
    ],
)
def test_a_rule_that_matches_outside_of_its_scope_comes_with_a_question_that_shows_it(
    rule: str, scope: str, outside: str
) -> None:
    found = next(one for one in own(rule, scope) if one.code is FindingCode.RULE_BROADER_THAN_SCOPE)
    assert found.severity is Severity.ERROR
    assert found.detail.startswith(outside)


def test_what_a_rule_does_not_say_of_itself_is_a_note() -> None:
    text = '@id("own") forbid (principal, action, resource) when { context.form == Form::"year" };'
    codes = {one.code for one in lint_bundle({**FILES, "own.cedar": text.encode()})}
    assert codes == {FindingCode.RULE_WITHOUT_SCOPE, FindingCode.RULE_WITHOUT_TITLE}
    assert all(FINDINGS[code].severity is Severity.NOTE for code in codes)


def test_names_that_do_not_exist_are_found_when_it_is_known_which_do() -> None:
    rule = 'forbid (principal in Department::"civill", action, resource in Resource::"civil.resident");'
    scope = "consumer=civill"
    assert own(rule, scope) == []
    found = only(own(rule, scope, {"Department": {"civil"}, "Resource": {"civil.resident"}}))
    assert (found.code, found.detail) == (FindingCode.UNKNOWN_NAME, 'Department::"civill"')
    scheme = 'forbid (principal, action, resource) when { context.scheme == Scheme::"cn.passport" };'
    assert only(own(scheme)).code is FindingCode.UNKNOWN_NAME


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("forbid (", FindingCode.BUNDLE_DOES_NOT_PARSE),
        ('forbid (principal, action, resource) when { context.form == Form::"valeu" };', FindingCode.UNKNOWN_WORD),
        ('forbid (principal, action, resource) when { context.purpose == Purpose::"tax" };', FindingCode.UNKNOWN_WORD),
        (
            'forbid (principal, action, resource) when { resource.classification == Classification::"public" };',
            FindingCode.RULE_ERRS,
        ),
        ("forbid (principal, action, resource); forbid (principal, action, resource);", FindingCode.RULE_UNNAMED),
    ],
)
def test_what_does_not_load_gives_the_one_error_that_keeps_it_from_loading(rule: str, code: FindingCode) -> None:
    found = only(own(rule))
    assert found.code is code
    assert found.severity is Severity.ERROR


def test_a_rule_that_errs_is_found_where_it_stands_by_its_own_name() -> None:
    rule = "forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };"
    found = only(own(rule))
    assert (found.code, found.subject, found.file, found.line) == (FindingCode.RULE_ERRS, "own", "own.cedar", 3)
    assert "policy `own`" in found.detail


@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_missing_guardrail_is_found(name: str) -> None:
    renamed = FILES["guardrails.cedar"].replace(f'@id("{name}")'.encode(), b'@id("another")')
    found = only(list(lint_bundle({**FILES, "guardrails.cedar": renamed})))
    assert (found.code, found.subject) == (FindingCode.GUARDRAIL_MISSING, name)


def test_a_hollow_guardrail_is_found_where_it_stands() -> None:
    hollow = FILES["guardrails.cedar"].replace(
        b'when { context.term == Term::"expired" };',
        b'when { context.term == Term::"expired" && context.case_present && !context.case_present };',
    )
    found = only(list(lint_bundle({**FILES, "guardrails.cedar": hollow})))
    assert (found.code, found.subject) == (FindingCode.GUARDRAIL_HOLLOW, "agreement-has-not-expired")
    line = FILES["guardrails.cedar"].decode().splitlines()[found.line - 1]
    assert line == '@id("agreement-has-not-expired")'


@pytest.mark.parametrize("scope", ["", "colour=red", "resource", "form=year; form=value", "resource=a b", "form=年"])
def test_a_scope_that_is_not_understood_is_an_error(scope: str) -> None:
    if scope:
        rule = 'forbid (principal, action, resource) when { context.form == Form::"year" };'
        assert FindingCode.SCOPE_MALFORMED in {one.code for one in own(rule, scope)}
    with pytest.raises(BadScope):
        parse_scope(scope)


@pytest.mark.long
def test_the_same_bundle_gives_the_same_findings_each_time() -> None:
    rule = (
        "forbid (principal, action, resource) when { context.agreement has items && resource has classification && "
        'context.purpose == Purpose::"tax_assessment" && context.basis == Basis::"consent" && context.form == Form::"year" && '
        'resource.classification == Classification::"public" && context.official_present && context.case_present };'
    )
    first = own(rule, "purpose=school_enrolment")
    assert first == own(rule, "purpose=school_enrolment")
    assert any("purpose=tax_assessment" in one.detail for one in first)
