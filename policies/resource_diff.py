"""What differs between two versions of a resource, and what of it somebody who uses the resource must know.

Rules kept here: two descriptions with different fingerprints differ in at least one change (tested over generated
descriptions); a change that may break an agreement or a program that relies on the resource is marked breaking; when in
doubt it is. Every change has a sentence in Chinese and English. Pure.

What it does not do: it does not change agreements. An agreement that a change touches stays as it was signed, and what
the resource no longer offers is withheld.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.agreements import Agreement
from policies.resources import FieldDescription, LocalText, ResourceDescription, update_cycle_ms
from policies.vocabulary import Classification


class ChangeKind(StrEnum):
    """What one change is about."""

    FIELD_REMOVED = "field_removed"
    FIELD_ADDED = "field_added"
    FIELDS_REORDERED = "fields_reordered"
    FORM_WITHDRAWN = "form_withdrawn"
    FORM_ADDED = "form_added"
    MASK_CHANGED = "mask_changed"
    TYPE_CHANGED = "type_changed"
    CLASSIFICATION_RAISED = "classification_raised"
    CLASSIFICATION_LOWERED = "classification_lowered"
    SHARING_TYPE_CHANGED = "sharing_type_changed"
    SHARING_TERMS_CHANGED = "sharing_terms_changed"
    DUTY_CHANGED = "duty_changed"
    PURPOSE_CHANGED = "purpose_changed"
    SCHEME_REMOVED = "scheme_removed"
    SCHEME_ADDED = "scheme_added"
    SCHEMES_REORDERED = "schemes_reordered"
    MODE_WITHDRAWN = "mode_withdrawn"
    MODE_ADDED = "mode_added"
    UPDATE_SLOWER = "update_slower"
    UPDATE_CHANGED = "update_changed"
    LISTING_CHANGED = "listing_changed"
    NAME_CHANGED = "name_changed"
    ABSTRACT_CHANGED = "abstract_changed"
    PATH_CHANGED = "path_changed"
    RELATED_CHANGED = "related_changed"
    AUTHORITY_CHANGED = "authority_changed"
    PROVIDER_CHANGED = "provider_changed"


BREAKING: Final = frozenset(
    {
        ChangeKind.FIELD_REMOVED,
        ChangeKind.FORM_WITHDRAWN,
        ChangeKind.MASK_CHANGED,
        ChangeKind.TYPE_CHANGED,
        ChangeKind.CLASSIFICATION_RAISED,
        ChangeKind.SHARING_TYPE_CHANGED,
        ChangeKind.SHARING_TERMS_CHANGED,
        ChangeKind.DUTY_CHANGED,
        ChangeKind.PURPOSE_CHANGED,
        ChangeKind.SCHEME_REMOVED,
        ChangeKind.MODE_WITHDRAWN,
        ChangeKind.UPDATE_SLOWER,
        ChangeKind.PROVIDER_CHANGED,
    }
)
"""Changes after which whoever uses the resource may have to change an agreement or a program."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Args:
        kind: What it is about.
        field: Field code; empty when it is about the whole resource.
        before: What stood there; empty when it is new.
        after: What stands there now; empty when it is gone.
    """

    kind: ChangeKind
    field: str = ""
    before: str = ""
    after: str = ""

    @property
    def breaking(self) -> bool:
        """Whether somebody who uses the resource may have to change something."""
        return self.kind in BREAKING

    @property
    def text(self) -> LocalText:
        """One sentence for people in both public languages."""
        zh, en = TEXTS[self.kind]
        place = f"信息项 {self.field} 的", f"field {self.field}: "
        # Words of a vocabulary are told in the language of the sentence, what people wrote stays as it is.
        words = _ZH if self.kind in _OF_WORDS else {}
        return LocalText(
            ((place[0] if self.field and "{field}" not in zh else "") + zh).format(
                field=self.field,
                before=words.get(self.before, self.before),
                after=words.get(self.after, self.after),
            ),
            ((place[1] if self.field and "{field}" not in en else "") + en).format(
                field=self.field, before=self.before, after=self.after
            ),
        )


@dataclass(frozen=True, slots=True)
class Touched:
    """An agreement that breaking changes touch.

    Args:
        agreement: The agreement.
        changes: Positions in the list of changes, ascending.
    """

    agreement: Agreement
    changes: tuple[int, ...]


def compare(before: ResourceDescription, after: ResourceDescription) -> tuple[Change, ...]:
    """What differs, breaking changes first, else in the order in which a description is read.

    Args:
        before: The older version.
        after: The newer version of the same resource.

    Returns:
        The changes; empty exactly when the descriptions are equal.
    """
    found = [*_resource(before, after), *_fields(before, after)]
    return tuple(sorted(found, key=lambda change: not change.breaking))


def touched(changes: Sequence[Change], agreements: Iterable[Agreement]) -> tuple[Touched, ...]:
    """The agreements that breaking changes touch, ordered by id.

    Args:
        changes: From `compare`.
        agreements: Agreements about this resource.

    Returns:
        Those of which at least one breaking change concerns the whole resource or a listed item.
    """
    found = []
    for agreement in agreements:
        positions = tuple(
            number for number, change in enumerate(changes) if change.breaking and _concerns(change, agreement)
        )
        if positions:
            found.append(Touched(agreement, positions))
    return tuple(sorted(found, key=lambda one: one.agreement.id))


def _concerns(change: Change, agreement: Agreement) -> bool:
    if not change.field:
        return True
    forms = agreement.items.get(change.field)
    if forms is None:
        return False
    return change.kind is not ChangeKind.FORM_WITHDRAWN or change.before in forms


def _resource(before: ResourceDescription, after: ResourceDescription) -> Iterator[Change]:
    yield from _level(before.classification, after.classification, "")
    yield from _changed(ChangeKind.PROVIDER_CHANGED, before.provider, after.provider)
    yield from _changed(ChangeKind.SHARING_TYPE_CHANGED, before.sharing_type, after.sharing_type)
    yield from _changed(ChangeKind.SHARING_TERMS_CHANGED, before.sharing_terms, after.sharing_terms)
    yield from _changed(ChangeKind.DUTY_CHANGED, before.duty, after.duty)
    yield from _changed(ChangeKind.PURPOSE_CHANGED, before.purpose, after.purpose)
    yield from _members(
        ChangeKind.SCHEME_REMOVED, ChangeKind.SCHEME_ADDED, before.subject_schemes, after.subject_schemes
    )
    if set(before.subject_schemes) == set(after.subject_schemes):
        yield from _changed(
            ChangeKind.SCHEMES_REORDERED, ", ".join(before.subject_schemes), ", ".join(after.subject_schemes)
        )
    yield from _members(ChangeKind.MODE_WITHDRAWN, ChangeKind.MODE_ADDED, sorted(before.modes), sorted(after.modes))
    slower = update_cycle_ms(after.update_cycle) > update_cycle_ms(before.update_cycle)
    kind = ChangeKind.UPDATE_SLOWER if slower else ChangeKind.UPDATE_CHANGED
    yield from _changed(kind, before.update_cycle, after.update_cycle)
    yield from _changed(ChangeKind.LISTING_CHANGED, _listing(before), _listing(after))
    yield from _changed(
        ChangeKind.NAME_CHANGED, _both(before.name_zh, before.name_en), _both(after.name_zh, after.name_en)
    )
    yield from _changed(
        ChangeKind.ABSTRACT_CHANGED,
        _both(before.abstract_zh, before.abstract_en),
        _both(after.abstract_zh, after.abstract_en),
    )
    yield from _changed(ChangeKind.PATH_CHANGED, _path(before), _path(after))
    yield from _changed(ChangeKind.RELATED_CHANGED, ", ".join(before.related), ", ".join(after.related))


def _fields(before: ResourceDescription, after: ResourceDescription) -> Iterator[Change]:
    old, new = ({field.code: field for field in version.fields} for version in (before, after))
    for code in [*old, *(code for code in new if code not in old)]:
        if code not in new:
            yield Change(ChangeKind.FIELD_REMOVED, code, _both(old[code].name_zh, old[code].name_en))
        elif code not in old:
            yield Change(ChangeKind.FIELD_ADDED, code, "", _both(new[code].name_zh, new[code].name_en))
        else:
            yield from _field(old[code], new[code])
    if list(old) != list(new) and set(old) == set(new):
        yield Change(ChangeKind.FIELDS_REORDERED, "", ", ".join(old), ", ".join(new))


def _field(before: FieldDescription, after: FieldDescription) -> Iterator[Change]:
    code = before.code
    yield from _level(before.classification, after.classification, code)
    yield from _changed(ChangeKind.TYPE_CHANGED, before.data_type, after.data_type, code)
    yield from _members(
        ChangeKind.FORM_WITHDRAWN, ChangeKind.FORM_ADDED, sorted(before.forms), sorted(after.forms), code
    )
    yield from _changed(ChangeKind.MASK_CHANGED, before.mask or "", after.mask or "", code)
    yield from _changed(
        ChangeKind.NAME_CHANGED, _both(before.name_zh, before.name_en), _both(after.name_zh, after.name_en), code
    )
    yield from _changed(ChangeKind.AUTHORITY_CHANGED, before.authority, after.authority, code)


def _changed(kind: ChangeKind, before: str, after: str, field: str = "") -> Iterator[Change]:
    if before != after:
        yield Change(kind, field, str(before), str(after))


def _members(
    gone: ChangeKind, come: ChangeKind, before: Sequence[str], after: Sequence[str], field: str = ""
) -> Iterator[Change]:
    for word in before:
        if word not in after:
            yield Change(gone, field, str(word))
    for word in after:
        if word not in before:
            yield Change(come, field, "", str(word))


def _level(before: Classification, after: Classification, field: str) -> Iterator[Change]:
    raised = after.rank > before.rank
    kind = ChangeKind.CLASSIFICATION_RAISED if raised else ChangeKind.CLASSIFICATION_LOWERED
    yield from _changed(kind, before, after, field)


def _both(zh: str, en: str) -> str:
    return f"{zh} / {en}"


def _path(version: ResourceDescription) -> str:
    return " > ".join(_both(step.zh, step.en) for step in version.classification_path)


def _listing(version: ResourceDescription) -> str:
    return "unlisted" if version.unlisted else "listed"


_OF_WORDS: Final = frozenset(
    {
        ChangeKind.FORM_WITHDRAWN,
        ChangeKind.FORM_ADDED,
        ChangeKind.CLASSIFICATION_RAISED,
        ChangeKind.CLASSIFICATION_LOWERED,
        ChangeKind.SHARING_TYPE_CHANGED,
        ChangeKind.MODE_WITHDRAWN,
        ChangeKind.MODE_ADDED,
        ChangeKind.LISTING_CHANGED,
    }
)
_ZH: Final = {
    "exists": "有无",
    "predicate": "判断",
    "year": "年份",
    "masked": "脱敏",
    "value": "原值",
    "public": "公开",
    "internal": "内部",
    "confidential": "受限",
    "sensitive": "敏感",
    "unconditional": "无条件共享",
    "conditional": "有条件共享",
    "not_shared": "不予共享",
    "query": "查询",
    "bulk": "批量",
    "subscription": "订阅",
    "listed": "登记索引",
    "unlisted": "不登记索引",
}

TEXTS: Final[dict[ChangeKind, tuple[str, str]]] = {
    ChangeKind.FIELD_REMOVED: ("信息项 {field}（{before}）已删除", "field {field} ({before}) is gone"),
    ChangeKind.FIELD_ADDED: ("新增信息项 {field}（{after}）", "field {field} ({after}) is new"),
    ChangeKind.FIELDS_REORDERED: ("信息项顺序改变", "the fields stand in another order"),
    ChangeKind.FORM_WITHDRAWN: ("形式 {before} 不再提供", "the form {before} is no longer offered"),
    ChangeKind.FORM_ADDED: ("新增形式 {after}", "the form {after} is offered"),
    ChangeKind.MASK_CHANGED: ("脱敏方式由“{before}”改为“{after}”", "the mask changed from '{before}' to '{after}'"),
    ChangeKind.TYPE_CHANGED: ("数据类型由 {before} 改为 {after}", "the data type changed from {before} to {after}"),
    ChangeKind.CLASSIFICATION_RAISED: (
        "分级由 {before} 提高为 {after}",
        "the classification was raised from {before} to {after}",
    ),
    ChangeKind.CLASSIFICATION_LOWERED: (
        "分级由 {before} 降低为 {after}",
        "the classification was lowered from {before} to {after}",
    ),
    ChangeKind.SHARING_TYPE_CHANGED: (
        "共享类型由 {before} 改为 {after}",
        "the sharing type changed from {before} to {after}",
    ),
    ChangeKind.SHARING_TERMS_CHANGED: (
        "共享条件或法律依据由“{before}”改为“{after}”",
        "the condition or law changed from '{before}' to '{after}'",
    ),
    ChangeKind.DUTY_CHANGED: ("对应职责由“{before}”改为“{after}”", "the duty changed from '{before}' to '{after}'"),
    ChangeKind.PURPOSE_CHANGED: ("用途由“{before}”改为“{after}”", "the purpose changed from '{before}' to '{after}'"),
    ChangeKind.SCHEME_REMOVED: ("不再支持按 {before} 查找", "records are no longer found by {before}"),
    ChangeKind.SCHEME_ADDED: ("可按 {after} 查找", "records are found by {after}"),
    ChangeKind.SCHEMES_REORDERED: ("标识类型的顺序改变", "the schemes of identifiers stand in another order"),
    ChangeKind.MODE_WITHDRAWN: ("共享方式 {before} 不再提供", "the mode {before} is no longer offered"),
    ChangeKind.MODE_ADDED: ("新增共享方式 {after}", "the mode {after} is offered"),
    ChangeKind.UPDATE_SLOWER: (
        "更新周期由 {before} 延长为 {after}",
        "the source changes less often: {after}, was {before}",
    ),
    ChangeKind.UPDATE_CHANGED: (
        "更新周期由 {before} 改为 {after}",
        "the update cycle changed from {before} to {after}",
    ),
    ChangeKind.LISTING_CHANGED: (
        "索引登记由 {before} 改为 {after}",
        "the index entries changed from {before} to {after}",
    ),
    ChangeKind.NAME_CHANGED: ("名称由“{before}”改为“{after}”", "the name changed from '{before}' to '{after}'"),
    ChangeKind.ABSTRACT_CHANGED: ("摘要有修改", "the abstract changed"),
    ChangeKind.PATH_CHANGED: ("分类路径由“{before}”改为“{after}”", "the path changed from '{before}' to '{after}'"),
    ChangeKind.RELATED_CHANGED: (
        "相关资源由“{before}”改为“{after}”",
        "the related resources changed from '{before}' to '{after}'",
    ),
    ChangeKind.AUTHORITY_CHANGED: (
        "权威来源由“{before}”改为“{after}”",
        "the source of authority changed from '{before}' to '{after}'",
    ),
    ChangeKind.PROVIDER_CHANGED: ("提供方由 {before} 改为 {after}", "the provider changed from {before} to {after}"),
}
"""Sentences in Chinese and English by kind; total (tested)."""
