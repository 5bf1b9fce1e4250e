"""Service items for tests, written as the files that departments write."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.services import ServiceItem, parse_service


@dataclass(frozen=True)
class Fact:
    """An evidence type. `by_hand` is what can be shown instead; `more` are further keys as TOML."""

    fields: Sequence[str] = ()
    resource: str = "civil.resident"
    by_hand: str = ""
    more: str = ""

    def text(self, code: str) -> str:
        lines = [f'code = "{code}"', f'title = {{ zh = "证明{code}", en = "Proof {code}" }}']
        if self.fields:
            lines += [f'resource = "{self.resource}"', f"fields = {json.dumps(list(self.fields), ensure_ascii=False)}"]
        if self.by_hand:
            lines.append(f'by_hand = {{ zh = "{self.by_hand}", en = "{self.by_hand}" }}')
        return "[[evidence]]\n" + "\n".join(lines) + "\n" + self.more


@dataclass(frozen=True)
class Need:
    """A requirement."""

    lists: Sequence[Sequence[str]]
    necessity: str = "required"
    then: str = "supplement"
    more: str = field(default="")

    def text(self, code: str) -> str:
        due = "due_days = 20\n" if self.necessity == "deferrable" else ""
        return (
            f'[[requirements]]\ncode = "{code}"\ntitle = {{ zh = "要求{code}", en = "Requirement {code}" }}\n'
            f'necessity = "{self.necessity}"\nlists = {json.dumps([list(one) for one in self.lists])}\n{due}'
            f'no_match = {{ then = "{self.then}", zh = "请补充材料", en = "Hand it in" }}\n{self.more}'
        )


def service_text(facts: Mapping[str, Fact], needs: Mapping[str, Need], **changes: Any) -> str:
    """The text of a service item; `changes` replace single keys and are TOML literals."""
    keys = {
        "format": '"oncegate.service/1"',
        "code": '"school-enrolment"',
        "version": "1",
        "department": '"education"',
        "title": '{ zh = "义务教育入学登记", en = "Enrolment of a child in school" }',
        "purpose": '"school_enrolment"',
        "legal_basis": '"mandate"',
        "laws": '["《中华人民共和国义务教育法》第十二条"]',
        "subject_scheme": '"cn.resident-id"',
        **changes,
    }
    head = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return (
        head
        + "".join(one.text(code) for code, one in facts.items())
        + "".join(one.text(code) for code, one in needs.items())
    )


def named(facts: Mapping[str, Fact], needs: Mapping[str, Need]) -> dict[str, Fact]:
    """The facts that some need names."""
    codes = {code for need in needs.values() for one in need.lists for code in one}
    return {code: fact for code, fact in facts.items() if code in codes}


def service(facts: Mapping[str, Fact], needs: Mapping[str, Need], **changes: Any) -> ServiceItem:
    """A service item, read from its text; facts that no need names are left out."""
    return parse_service(service_text(named(facts, needs), needs, **changes).encode())
