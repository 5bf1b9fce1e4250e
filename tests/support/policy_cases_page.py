"""Writes docs/policies/cases.md out of the files beside the packaged bundle: `python -m tests.support.policy_cases_page`.

What is decided and how it is explained is worked out, not written down: a test proves that the page holds exactly this.
"""

from dataclasses import dataclass
from pathlib import Path

from policies.engine import PolicyEngine
from policies.engine.bundle import PACKAGED
from policies.engine.titles import unknown_rule
from policies.explain import AgreementFacts, Explained, ExplainedItem, ExplainedResource, Uses, sentences
from policies.purposes import PURPOSES
from policies.tables import Row
from policies.tables.files import parse_file
from policies.vocabulary import Form, LegalBasis

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policies" / "cases.md"
TESTS = PACKAGED / "tests"

HEAD = """# Five real cases

For each: who asks whom, the agreement, what is decided and why, and what the citizen sees. The files are those of
[`policies/bundle/tests`](../../policies/bundle/tests); `oncegate policy test` and the tests run their decision tables,
and this page is written from them.

The items are the least revealing ones that do: a yes or no instead of an amount, a year instead of a day, a district
instead of an address. More than that is not in the agreement, so asking for it is withheld whoever asks.
"""


@dataclass(frozen=True)
class Case:
    """What the files do not say."""

    slug: str
    zh: str
    who: str
    least: str
    citizen: str


CASES = (
    Case(
        "school-enrolment",
        "义务教育入学登记",
        "The education bureau's system `enrolment` asks the civil registry about a child whose parents enrol it.",
        "The name, to write it down. The year of birth decides the school year; the day does not matter. The district of "
        "the registered address decides the school; street and number do not matter.",
        "教育局（enrolment）于办理入学时查询：姓名（原值）、出生日期（年份）、户籍地址（脱敏）；依据：本人明确请求；办件编号。",
    ),
    Case(
        "housing-fund-withdrawal",
        "住房公积金提取",
        "The housing fund's system `withdrawal` asks the housing authority about the home that somebody bought.",
        "Whether there is a home, its district and the year in which it was registered. The price and the address are not "
        "needed to pay out what the person saved.",
        "公积金中心（withdrawal）查询：不动产登记（有无）、坐落（脱敏）、登记日期（年份）；依据：本人明确请求；办件编号。",
    ),
    Case(
        "minimum-living-allowance",
        "最低生活保障审核",
        "The welfare office's system `allowance` asks the tax office about somebody who applies for the allowance, with the "
        "person's consent and an official who is identified.",
        "Whether the yearly income is at most the line, asked as the predicate `below_line` that the agreement fixes, and "
        "whether there is business income. No amount ever leaves the tax office; another line is another question, which the "
        "agreement does not have.",
        "民政局（allowance）经您授权核实：年收入（判断：是否不超过 12000 元）、经营所得（有无）；依据：本人同意（可随时撤回）；经办人员已确认。",
    ),
    Case(
        "business-licence-change",
        "营业执照变更登记",
        "The market regulator's system `licence` asks the tax office about an enterprise that changes its licence.",
        "The name, to compare, and whether there are arrears. Not how much, and not the turnover. It is the regulator's own "
        "duty, so no consent is asked for, and the enterprise is searched by its own number, never by a person's.",
        "企业办事人可见：市场监管局（licence）查询：纳税人名称（原值）、欠税（有无）；依据：法定职责；办件编号。",
    ),
    Case(
        "newborn",
        "新生儿出生一件事",
        "The police's system `household` asks the health bureau about a birth certificate, when parents start the \"one "
        'thing" for their newborn.',
        "What the household register writes down: the child's name and day of birth. The mother's name is masked: the parents "
        "state it, and the mask is enough to see that it is the same. What doctors wrote down stays with them.",
        "公安局（household）为新生儿落户查询：新生儿姓名（原值）、出生日期（原值）、母亲姓名（脱敏）；依据：本人明确请求；办件编号。",
    ),
)


def explained(engine: PolicyEngine, row: Row) -> Explained:
    """The explanation of a table's row, as `oncegate policy explain` gives it with that agreement and catalogue."""
    asked = row.question
    held = asked.agreement
    decision = engine.decide(asked)
    predicates = dict(asked.predicates)
    return Explained(
        at_ms=asked.now_ms,
        consumer=asked.consumer,
        system=asked.system,
        purpose=asked.purpose,
        purpose_words=(PURPOSES[asked.purpose].zh, PURPOSES[asked.purpose].en),
        basis=str(asked.basis),
        scheme=asked.subject_scheme,
        case_present=asked.case_present,
        official_present=asked.official,
        bundle="sha256:…",
        resources=(
            ExplainedResource(
                code=asked.resource.code,
                version=1,
                fingerprint=asked.resource.fingerprint,
                agreement=None if held is None else AgreementFacts(held.id, held.revision, f"{held.digest.hex()[:8]}…"),
                counts=held is not None,
                consent="" if asked.basis is LegalBasis.CONSENT else None,
                uses=None if held is None else Uses(17, held.uses_per_day),
                subjects=None if held is None else Uses(16, held.subjects_per_day),
                rate_per_minute=0 if held is None else held.rate_per_minute,
                described=asked.resource,
                items=tuple(
                    ExplainedItem(
                        field=item.field,
                        form=item.form,
                        needed=item.form,
                        predicate=predicates.get(item.field, "") if item.form is Form.PREDICATE else "",
                        necessity=item.necessity,
                        released=item.allowed,
                        reason="" if item.reason is None else str(item.reason),
                        rules=tuple(engine.titles.get(rule) or unknown_rule(rule) for rule in item.rules),
                    )
                    for item in decision.items
                ),
            ),
        ),
    )


def section(engine: PolicyEngine, case: Case) -> str:
    """One case."""
    table = parse_file(TESTS / f"{case.slug}.decisions.toml")
    first = table.rows[0]
    held = first.question.agreement
    assert held is not None, "each case has an agreement"
    purpose = PURPOSES[first.question.purpose]
    rows = "".join(
        f"| {row.name} | {item[0]}={_form(row, item)} | `{expected}` |\n"
        for row in table.rows
        for item, expected in zip(row.question.items, row.expected, strict=True)
    )
    said = explained(engine, first)
    lines = "\n".join((*sentences(said, "zh"), *sentences(said, "en")))
    agreement = (TESTS / f"{case.slug}.agreement.toml").read_text(encoding="utf-8").strip()
    return f"""
## {table.title_en} {case.zh}

{case.who}

- **Purpose**: `{purpose.code}` {purpose.zh}. **Legal basis**: `{held.legal_basis}`.
- **Least revealing**: {case.least}
- **The citizen sees** (`oncegate me accesses`): {case.citizen}

```toml
{agreement}
```

| decided | item | outcome |
|---|---|---|
{rows}
The first row explained (`oncegate policy explain`):

```text
{lines}
```
"""


def _form(row: Row, item: tuple[str, Form, object]) -> str:
    field, form, _ = item
    return f"predicate({dict(row.question.predicates)[field]})" if form is Form.PREDICATE else str(form)


def page() -> str:
    """The whole page."""
    engine = PolicyEngine.load()
    return HEAD + "".join(section(engine, case) for case in CASES)


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
