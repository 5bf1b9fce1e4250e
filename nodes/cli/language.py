"""The words of an answer in Chinese and English; one table, total in both (tested)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from nodes.errors import PublicText


class Language(StrEnum):
    """A language for people."""

    ZH = "zh"
    EN = "en"


WORDS: Final[Mapping[str, PublicText]] = {
    "answer": PublicText("答复", "Answer"),
    "field": PublicText("信息项", "Field"),
    "value": PublicText("内容", "Value"),
    "form": PublicText("形式", "Form"),
    "department": PublicText("来源部门", "Source department"),
    "as_of": PublicText("数据时间", "As of"),
    "note": PublicText("说明", "Note"),
    "resource": PublicText("信息资源", "Resource"),
    "catalogue": PublicText("目录", "Catalogue"),
    "name": PublicText("名称", "Name"),
    "provider": PublicText("提供方", "Provider"),
    "sharing": PublicText("共享类型", "Sharing"),
    "update_cycle": PublicText("更新周期", "Update cycle"),
    "fields": PublicText("信息项", "Fields"),
    "type": PublicText("类型", "Type"),
    "classification": PublicText("分级", "Classification"),
    "forms": PublicText("可提供形式", "Forms"),
    "sharing.unconditional": PublicText("无条件共享", "unconditional"),
    "sharing.conditional": PublicText("有条件共享", "conditional"),
    "sharing.not_shared": PublicText("不予共享", "not shared"),
    "classification.public": PublicText("公开", "public"),
    "classification.internal": PublicText("内部", "internal"),
    "classification.confidential": PublicText("受限", "confidential"),
    "classification.sensitive": PublicText("敏感", "sensitive"),
    "mode.query": PublicText("查询", "query"),
    "mode.bulk": PublicText("批量", "bulk"),
    "mode.subscription": PublicText("订阅", "subscription"),
    "authority": PublicText("权威来源", "Authority"),
    "path": PublicText("分类路径", "Path"),
    "terms": PublicText("条件或法律依据", "Condition or law"),
    "duty": PublicText("对应职责", "Duty"),
    "purpose": PublicText("用途", "Purpose"),
    "modes": PublicText("共享方式", "Modes"),
    "found_by": PublicText("查找依据", "Found by"),
    "related": PublicText("相关资源", "Related"),
    "version": PublicText("版本", "Version"),
    "published": PublicText("发布时间", "Published"),
    "published_by": PublicText("发布节点", "Published by"),
    "fingerprint": PublicText("指纹", "Fingerprint"),
    "withdrawn": PublicText("已撤回", "Withdrawn"),
    "found": PublicText("检索结果", "Found"),
    "more": PublicText(
        "还有更多结果，请缩小范围或增大 --limit。", "There is more: ask for something narrower, or raise --limit."
    ),
    "breaking": PublicText("【须关注】", "BREAKING "),
    "no_changes": PublicText("没有变化。", "Nothing differs."),
    "touches": PublicText(
        "涉及协议 {id} 第 {revision} 版：第 {changes} 项", "Touches agreement {id} r{revision}: {changes}"
    ),
    "exists": PublicText("有记录", "Has a record"),
    "yes": PublicText("是", "yes"),
    "no": PublicText("否", "no"),
    "unknown": PublicText("未知", "unknown"),
    "never": PublicText("从未", "never"),
    "instead_of": PublicText("协议未提供", "in place of"),
    "form.exists": PublicText("有无", "exists"),
    "form.predicate": PublicText("判断", "predicate"),
    "form.year": PublicText("年份", "year"),
    "form.masked": PublicText("脱敏", "masked"),
    "form.value": PublicText("原值", "value"),
    "status.not_available": PublicText("无可提供的内容", "Not available"),
    "status.withheld": PublicText("不予提供", "Withheld"),
    "status.silent": PublicText("未应答", "No answer"),
    "source.user_provided": PublicText("本人填报", "entered by the person"),
    "source.government_verified": PublicText("", ""),
    "source.platform_verified": PublicText("本人填报，已与登记比对一致", "entered by the person, equal to a register"),
    "mark.disputed": PublicText("本人提出异议", "disputed by the person"),
    "complete": PublicText("答复完整。", "The answer is complete."),
    "incomplete": PublicText(
        "答复不完整：有必需的信息项因提供方未应答而缺失。",
        "The answer is not complete: a required field is missing because its provider did not answer.",
    ),
    "replayed": PublicText("这是同一请求先前的答复。", "This is the earlier answer to the same request."),
    "stale": PublicText("索引已过更新周期", "index older than its update cycle"),
    "synced": PublicText("索引确认时间", "index confirmed"),
    "service": PublicText("事项", "Service"),
    "services": PublicText("政务服务事项", "Service items"),
    "file": PublicText("文件", "File"),
    "requirement": PublicText("要求", "Requirement"),
    "requirements": PublicText("所需材料", "What is needed"),
    "necessity": PublicText("必要性", "Necessity"),
    "shown_by": PublicText("证明方式（任一项即可）", "Shown by any one of"),
    "no_match": PublicText("均不具备时", "When none is there"),
    "standing": PublicText("情况", "Standing"),
    "or": PublicText("或者", "or"),
    "handed_in": PublicText("已提交", "handed in"),
    "due_days": PublicText("（{days} 天内补齐）", "(within {days} days)"),
    "application": PublicText("申请", "Application"),
    "may_proceed": PublicText("可以受理，缺少的材料限期补齐。", "It may be taken; what is missing follows in time."),
    "no_findings": PublicText("未发现问题。", "No findings."),
    "emergency": PublicText(
        "紧急情况声明已登记：提供方数据管理员将限期复核；除法律另有规定外，本人可即时查看。",
        "The declared emergency is on record: the providers' stewards review it by a date; unless a law delays it, the"
        " person can see it now.",
    ),
    "verified": PublicText(
        "已验证：各提供方回执及访问日志凭据（第 {asked}、{outcome} 条）。",
        "Verified: every provider's receipt, and the access log's promises (entries {asked} and {outcome}).",
    ),
}
"""Word by code."""


def language_of(chosen: Language | None, environment: Mapping[str, str]) -> Language:
    """The language to print in.

    Args:
        chosen: As asked for; None when not.
        environment: Environment variables; LC_ALL and LC_MESSAGES come before LANG, as everywhere.

    Returns:
        The language; English unless Chinese is asked for.
    """
    if chosen is not None:
        return chosen
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return Language.ZH if value.lower().startswith("zh") else Language.EN
    return Language.EN


def pick(text: PublicText, language: Language) -> str:
    """A text in a language.

    Args:
        text: Both.
        language: Which.

    Returns:
        The text.
    """
    return text.zh if language is Language.ZH else text.en


def word(code: str, language: Language) -> str:
    """A word in a language.

    Args:
        code: A key of `WORDS`.
        language: Which.

    Returns:
        The word.
    """
    return pick(WORDS[code], language)
