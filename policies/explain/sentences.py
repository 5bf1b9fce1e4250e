"""An explanation as sentences, in Chinese and English, for stewards, auditors and citizens' counters."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

from policies.emergencies import REASONS
from policies.explain.compare import ABSENT, ACTIVE, LET_THROUGH, RELEASED, VALID, Difference
from policies.explain.model import Explained, ExplainedItem, ExplainedResource, Fate
from policies.purposes import BASES
from policies.reasons import TEXT, Reason
from policies.vocabulary import Form, LegalBasis

Language = Literal["zh", "en"]

FORM_WORDS: Final[Mapping[Form, tuple[str, str]]] = {
    Form.EXISTS: ("有无", "whether it exists"),
    Form.PREDICATE: ("判断结果", "a yes or no answer"),
    Form.YEAR: ("年份", "the year"),
    Form.MASKED: ("脱敏", "masked"),
    Form.VALUE: ("原值", "the value"),
}
_WHAT_WORDS: Final = {
    "bundle": ("规则包", "the policy bundle"),
    "purpose": ("用途的登记", "the purpose as registered"),
    "resource": ("资源描述", "the resource's description"),
    "agreement": ("共享协议", "the agreement"),
    "consent": ("本人授权同意", "the person's consent"),
    "damaged": ("库中与签名内容不符的协议", "a stored agreement that is not what was signed"),
    "item": ("结果", "the outcome"),
    "request": ("整个请求", "the request as a whole"),
}
_SIDE_WORDS: Final = {
    RELEASED: ("提供", "released"),
    ABSENT: ("没有", "absent"),
    LET_THROUGH: ("予以办理", "let through"),
    VALID: ("有效", "valid"),
    ACTIVE: ("在用", "active"),
}
_FATE_WORDS: Final[Mapping[Fate, tuple[str, str]]] = {
    Fate.RELEASED: ("已提供", "it was released"),
    Fate.NOT_RELEASED: ("未提供", "it was not released"),
    Fate.SILENT: ("提供方未应答", "its provider did not answer"),
    Fate.OPEN: ("结果尚未登记", "what became of it is not on record yet"),
}
_BECAUSE_WORDS: Final = {
    "no_record": ("没有该主体的记录", "there is no record of the subject"),
    "no_value": ("记录中该项没有值", "the record has no value there"),
    "withheld": ("提供方自身规则不允许", "the provider's own rules do not allow it"),
    "subject_mismatch": ("记录的主体与请求不符", "the record is about somebody else"),
    "source_error": ("提供方的数据源出错", "the provider's source failed"),
}
"""Outcomes of items as the log writes them."""
_FURTHER_WORDS: Final = {
    "consent": ("授权同意摘要", "Digest of the consent"),
    "consent_uses": ("该授权同意至今使用次数", "Uses of the consent so far"),
    "explicit_request": ("办事申请摘要", "Digest of the explicit request"),
    "call": ("请求类别", "Kind of call"),
}


def sentences(explained: Explained, language: Language) -> tuple[str, ...]:
    """Say what was decided and why.

    Args:
        explained: What there is to say.
        language: `zh` or `en`.

    Returns:
        Sentences, the request first, then resource by resource, item by item.
    """
    return tuple(_chinese(explained) if language == "zh" else _english(explained))


def difference_sentence(difference: Difference, language: Language) -> str:
    """One difference between then and now, said.

    Args:
        difference: What differs.
        language: `zh` or `en`.
    """
    chinese = language == "zh"
    what = _WHAT_WORDS[difference.what][0 if chinese else 1]
    place = " ".join(part for part in (difference.resource, difference.item) if part)
    then, now = (_side(side, chinese=chinese) for side in (difference.then, difference.now))
    if chinese:
        return f"{place} {what}：当时 {then}，现在 {now}。".lstrip()
    return f"{place} {what}: then {then}, now {now}.".lstrip()


def reason_words(code: str) -> tuple[str, str]:
    """The public texts of a reason's code; the code itself where it is none of today's."""
    try:
        text = TEXT[Reason(code)]
    except ValueError:
        return code, code
    return text.zh, text.en


def _side(side: str, *, chinese: bool) -> str:
    return (_SIDE_WORDS.get(side) or reason_words(side))[0 if chinese else 1]


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _purpose(explained: Explained) -> tuple[str, str]:
    code, words = explained.purpose, explained.purpose_words
    if words is None:
        return (f"“{code}”（未登记）", f'"{code}" (not registered)') if code else ("未说明", "none stated")
    return f"“{words[0]}”", f'"{words[1]}"'


def _basis(code: str) -> tuple[str, str]:
    known = BASES.get(LegalBasis(code)) if code in set(LegalBasis) else None
    return (code, code) if known is None else (known.zh, known.en)


def _form(item: ExplainedItem) -> tuple[str, str]:
    """The form in words, with the predicate's name."""
    zh, en = FORM_WORDS[item.form]
    return (f"{zh}（{item.predicate}）", f"{en} ({item.predicate})") if item.predicate else (zh, en)


def _instead(item: ExplainedItem) -> tuple[str, str]:
    """That a more revealing form was taken than the one needed, because the agreement has no other."""
    if item.needed is item.form:
        return "", ""
    zh, en = FORM_WORDS[item.needed]
    return f"“{zh}”已足够，但不允许提供；", f"{en} would have done but is not allowed; "


def _became(item: ExplainedItem) -> tuple[str, str]:
    """What came of a permitted item, with the reason why it was not released, as far as it is told."""
    if item.became is None:
        return "", ""
    zh, en = _FATE_WORDS[item.became]
    if item.because:
        why_zh, why_en = _BECAUSE_WORDS.get(item.because) or reason_words(item.because)
        # A code that has no words stands for itself, once.
        known = why_zh != item.because
        zh += f"：{why_zh}（{item.because}）" if known else f"：{why_zh}"
        en += f": {why_en} ({item.because})" if known else f": {why_en}"
    return f"{zh}；", f"{en}; "


def _further(name: str) -> tuple[str, str]:
    return _FURTHER_WORDS.get(name, (name, name))


def _names(resource: ExplainedResource, item: ExplainedItem) -> tuple[str, str]:
    described = None if resource.described is None else resource.described.field(item.field)
    return (item.field, item.field) if described is None else (described.name_zh, described.name_en)


def _titles(resource: ExplainedResource) -> tuple[str, str]:
    described = resource.described
    if described is None:
        return resource.code, resource.code
    return f"{described.name_zh}（{resource.code}）", f"{described.name_en} ({resource.code})"


def _emergency(code: str) -> tuple[str, str]:
    reason = REASONS.get(code)
    return (code, code) if reason is None else (reason.zh, reason.en)


def _occasion(explained: Explained) -> Iterator[tuple[str, str]]:
    """What the request declares and for which service it is, in both languages."""
    if explained.emergency:
        zh, en = _emergency(explained.emergency)
        yield f"已声明紧急情况：{zh}。", f"An emergency is declared: {en}."
    if explained.service:
        yield f"所办事项：{explained.service}。", f"It is asked for the service {explained.service}."


def _chinese(explained: Explained) -> Iterator[str]:
    moment = _moment(explained.at_ms)
    who = f"{explained.consumer} 的业务系统 {explained.system} " if explained.system else explained.consumer
    if not explained.resources and explained.ending is not None:
        whose = f"{who}的" if who else "一次"
        yield f"{moment}，{whose}请求在作出判断之前被拒绝：{explained.ending.zh}（{explained.ending.code}）。"
    else:
        yield f"{moment}，{who}以{_basis(explained.basis)[0]}为依据、为{_purpose(explained)[0]}请求数据。"
        yield from _chinese_decision(explained)
    for name, text in explained.further.items():
        yield f"{_further(name)[0]}：{text}。"
    if explained.bundle:
        yield f"规则包：{explained.bundle}。"


def _chinese_decision(explained: Explained) -> Iterator[str]:
    yield "".join(
        (
            "办件编号：" + ("有" if explained.case_present else "无"),
            "；经办人员：" + ("已确认" if explained.official_present else "未确认"),
            f"；主体标识种类：{explained.scheme or '未说明'}。",
        )
    )
    yield from (chinese for chinese, _ in _occasion(explained))
    for resource in explained.resources:
        title = _titles(resource)[0]
        held = resource.agreement
        if held is None:
            yield f"{title}：没有适用的共享协议。"
        else:
            state = "适用" if resource.counts else "最接近、但不适用的"
            yield f"{title}：{state}共享协议为 {held.id} 第 {held.revision} 版（sha256:{held.digest}）。"
        for one in resource.damaged:
            yield f"{title}：库中的共享协议 {one.id} 第 {one.revision} 版与签名内容不符，不予使用。"
        if resource.consent is not None:
            word = reason_words(resource.consent)[0] if resource.consent else "已核验，覆盖所列信息项"
            yield f"{title}：本人授权同意：{word}。"
        if resource.uses is not None:
            yield f"{title}：{''.join(_chinese_numbers(resource))}。"
        for item in resource.items:
            name, form = _names(resource, item)[0], _form(item)[0]
            rules = "、".join(f"“{rule.zh}”（{rule.id}）" for rule in item.rules) or "无"
            if item.released:
                said = f"可以“{form}”形式提供；{_instead(item)[0]}{_became(item)[0]}"
                yield f"{name}（{item.field}）{said}依据规则：{rules}。"
            else:
                why = reason_words(item.reason)[0]
                yield f"{name}（{item.field}）的“{form}”不予提供：{why}（{item.reason}）；依据规则：{rules}。"
    if explained.refuses:
        yield "因此整个请求被拒绝，没有向任何部门询问。"
    elif explained.ending is not None:
        how = "中断" if explained.ending.broke_off else "被拒绝"
        yield f"但请求{how}，没有提供任何数据：{explained.ending.zh}（{explained.ending.code}）。"


def _chinese_numbers(resource: ExplainedResource) -> Iterator[str]:
    """The agreement's numbers of the day."""
    if resource.uses is not None:
        yield f"该协议当日已用 {resource.uses.taken} 次，上限 {resource.uses.per_day} 次"
    if resource.subjects is not None:
        yield f"；涉及 {resource.subjects.taken} 个不同主体，上限 {resource.subjects.per_day} 个"
    if resource.rate_per_minute:
        yield f"；每分钟不超过 {resource.rate_per_minute} 次"


def _english(explained: Explained) -> Iterator[str]:
    moment = _moment(explained.at_ms)
    who = f"the system {explained.system} of {explained.consumer}" if explained.system else explained.consumer
    if not explained.resources and explained.ending is not None:
        whose = f" of {who}" if who else ""
        yield (
            f"At {moment} a call{whose} was refused before anything was decided: "
            f"{explained.ending.en} ({explained.ending.code})."
        )
    else:
        yield (
            f"At {moment} {who} asked for data on the basis of {_basis(explained.basis)[1]}, for the purpose "
            f"{_purpose(explained)[1]}."
        )
        yield from _english_decision(explained)
    for name, text in explained.further.items():
        yield f"{_further(name)[1]}: {text}."
    if explained.bundle:
        yield f"Policy bundle: {explained.bundle}."


def _english_decision(explained: Explained) -> Iterator[str]:
    yield "".join(
        (
            "Case reference: " + ("stated" if explained.case_present else "none"),
            "; official: " + ("identified" if explained.official_present else "not identified"),
            f"; kind of identifier: {explained.scheme or 'not stated'}.",
        )
    )
    yield from (english for _, english in _occasion(explained))
    for resource in explained.resources:
        title = _titles(resource)[1]
        held = resource.agreement
        if held is None:
            yield f"{title}: no agreement applies."
        else:
            state = "agreement" if resource.counts else "no agreement applies; the nearest one is"
            yield f"{title}: {state} {held.id} revision {held.revision} (sha256:{held.digest})."
        for one in resource.damaged:
            which = f"{one.id} revision {one.revision}"
            yield f"{title}: the stored agreement {which} is not what was signed and is not used."
        if resource.consent is not None:
            word = reason_words(resource.consent)[1] if resource.consent else "verified and covers the items"
            yield f"{title}: consent of the person: {word}."
        if resource.uses is not None:
            yield f"{title}: {''.join(_english_numbers(resource))}."
        for item in resource.items:
            name, form = _names(resource, item)[1], _form(item)[1]
            rules = ", ".join(f'"{rule.en}" ({rule.id})' for rule in item.rules) or "none"
            if item.released:
                said = f"may be released as {form}; {_instead(item)[1]}{_became(item)[1]}"
                yield f"{name} ({item.field}) {said}rules: {rules}."
            else:
                why = reason_words(item.reason)[1]
                yield f"{name} ({item.field}) as {form} is withheld: {why} ({item.reason}); rules: {rules}."
    if explained.refuses:
        yield "So the whole request is refused and nobody is asked."
    elif explained.ending is not None:
        how = "breaks off" if explained.ending.broke_off else "is refused"
        yield f"But the request {how} and nothing is released: {explained.ending.en} ({explained.ending.code})."


def _english_numbers(resource: ExplainedResource) -> Iterator[str]:
    """The agreement's numbers of the day."""
    if resource.uses is not None:
        yield f"uses of that agreement that day: {resource.uses.taken} of {resource.uses.per_day}"
    if resource.subjects is not None:
        yield f"; different subjects: {resource.subjects.taken} of {resource.subjects.per_day}"
    if resource.rate_per_minute:
        yield f"; at most {resource.rate_per_minute} a minute"
