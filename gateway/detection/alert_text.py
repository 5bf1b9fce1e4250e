"""An alert as text: in the spelling in which it is sealed, and explained for an officer in Chinese and English."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.detection.actors import Who
from gateway.detection.alerts import Alert
from gateway.detection.rules import Evidence, Rule

_NUMBERS: Final = ("points", "day", "first", "last", "count", "observed", "own", "own_days", "peers", "peers_days")


def write_alert(alert: Alert) -> bytes:
    """An alert in one spelling."""
    said = {
        "department": alert.who.department,
        "system": alert.who.system,
        "official": alert.who.official,
        "day": alert.day,
        "raised_ms": alert.raised_ms,
        "raised_at": alert.raised_at,
        "grown_ms": alert.grown_ms,
        "grown_at": alert.grown_at,
        "points": alert.points,
        "evidence": [piece_of(one) for one in alert.pieces],
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def read_alert(alert_id: bytes, text: bytes) -> Alert:
    """An alert out of its spelling."""
    said: Mapping[str, Any] = json.loads(text)
    who = Who(said["department"], said["system"], said["official"])
    alert = Alert(
        alert_id,
        who,
        said["day"],
        said["raised_ms"],
        said["raised_at"],
        said["grown_ms"],
        said["grown_at"],
        said["points"],
    )
    for one in said["evidence"]:
        piece = Evidence(
            Rule(one["rule"]),
            **{name: one[name] for name in _NUMBERS},
            threshold=one["threshold"],
            entries=one["entries"],
            person=bytes.fromhex(one["person"]),
            detail=one["detail"],
        )
        alert.evidence[piece.focus] = piece
    return alert


def piece_of(one: Evidence) -> dict[str, Any]:
    """A piece of evidence as data."""
    return {
        "rule": str(one.rule),
        **{name: getattr(one, name) for name in _NUMBERS},
        "threshold": one.threshold,
        "entries": list(one.entries),
        "person": one.person.hex(),
        "detail": one.detail,
    }


_TITLES: Final[Mapping[Rule, tuple[str, str]]] = {
    Rule.BULK: ("一日内查询人数过多", "many people in a day"),
    Rule.SUSTAINED: ("一周内查询人数持续偏高", "more people than usual all week"),
    Rule.FAST: ("查询过快", "very fast"),
    Rule.OFF_HOURS: ("非工作时段", "at off hours"),
    Rule.RELATION: ("查询亲属、同事或同住人", "about a relative, a colleague or the own household"),
    Rule.WATCHED: ("查询关注名单人员", "about somebody on the list"),
    Rule.NEW_PURPOSE: ("系统新出现的用途", "for a purpose new to the system"),
    Rule.NO_CASE: ("未注明案号", "without a case"),
    Rule.SHARED_CASE: ("一案查询多人", "one case for many people"),
    Rule.REFUSALS: ("频繁被拒", "refused again and again"),
    Rule.EMERGENCY: ("紧急调用未经复核", "an emergency without a review"),
    Rule.HONEYTOKEN: ("查询诱饵身份", "about somebody who does not exist"),
    Rule.REPEATED: ("反复查询同一人", "one person again and again"),
}
_RELATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "family": ("家庭成员", "family"),
    "colleague": ("同事", "a colleague"),
    "household": ("同住且同姓", "of the same address and surname"),
    "same_address": ("同一住址", "of the same address"),
}
_FINDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "overdue": ("逾期未复核", "not reviewed in time"),
    "not_justified": ("复核认定不当", "found not justified"),
}


def title(rule: Rule) -> tuple[str, str]:
    """A rule in a few words, Chinese and English."""
    return _TITLES[rule]


def explain(one: Evidence) -> tuple[str, str]:
    """A piece of evidence in a sentence, Chinese and English: what was seen, what it was compared with, what is set."""
    zh, en = _SENTENCES[one.rule](one)
    span_zh = f"第{one.first}条" if one.first == one.last else f"第{one.first}至{one.last}条"
    span_en = f"entry {one.first}" if one.first == one.last else f"entries {one.first} to {one.last}"
    return f"{zh}（日志{span_zh}）", f"{en} ({span_en})"


def _compared(one: Evidence, own: tuple[str, str], peers: tuple[str, str]) -> tuple[str, str]:
    """The baselines in words: the own days and those of the peers, or that there is none."""
    zh, en = [], []
    if one.own >= 0:
        zh.append(f"{own[0]}{one.own}（{one.own_days}个工作日）")
        en.append(f"{own[1]} {one.own} ({one.own_days} own days)")
    if one.peers >= 0:
        zh.append(f"{peers[0]}{one.peers}（{one.peers_days}个人日）")
        en.append(f"{peers[1]} {one.peers} ({one.peers_days} days of peers)")
    return "；".join(zh) or "尚无基线", "; ".join(en) or "no baseline yet"


def _bulk(one: Evidence) -> tuple[str, str]:
    zh, en = _compared(
        one, ("本人最高", "the own highest was"), ("同系统人员九成五不超过", "95 % of peers' days have at most")
    )
    return (
        f"当日查询{one.observed}人；{zh}；上限{one.threshold}",
        f"{one.observed} people in a day; {en}; the limit is {one.threshold}",
    )


def _sustained(one: Evidence) -> tuple[str, str]:
    zh, en = _compared(one, ("此前日均", "on the days before"), ("同系统人员中位数", "the middle of peers' days is"))
    return (
        f"近一周日均查询{one.observed}人；{zh}；上限{one.threshold}",
        f"{one.observed} people a day over the last week; {en}; the limit is {one.threshold}",
    )


def _fast(one: Evidence) -> tuple[str, str]:
    zh, en = _compared(
        one, ("本人峰值", "the own peak was"), ("同系统人员九成五不超过", "95 % of peers' days have at most")
    )
    return (
        f"一分钟内{one.observed}次查询；{zh}；上限{one.threshold}",
        f"{one.observed} requests in a minute; {en}; the limit is {one.threshold}",
    )


def _off_hours(one: Evidence) -> tuple[str, str]:
    if one.person:
        return (
            f"{one.observed}次查询在本人{one.own_days}个工作日从未工作、同系统查询不足万分之{one.threshold}的时段",
            (
                f"{one.observed} requests at hours at which the official had not worked ({one.own_days} own days) and "
                f"fewer than {one.threshold} of 10 000 of the peers' {one.peers_days} requests fall"
            ),
        )
    return (
        f"当日{one.observed}次查询在非工作时段，当日另有{one.peers}人（共{one.peers_days}人）如此；起点{one.threshold}次",
        (
            f"{one.observed} requests at off hours in a day, as {one.peers} others of {one.peers_days} did that day; "
            f"{one.threshold} are needed"
        ),
    )


def _relation(one: Evidence) -> tuple[str, str]:
    zh, en = _RELATIONS[one.detail]
    return f"经节点答复，被查询人为该人员的{zh}", f"as nodes answered, the person is {en} of the official"


def _watched(one: Evidence) -> tuple[str, str]:
    if one.threshold:
        return (
            f"三日内{one.observed}名人员各自查询关注名单上的同一人；起点{one.threshold}名",
            f"{one.observed} officials asked about one person on the list in three days; {one.threshold} are needed",
        )
    return f"{one.observed}次查询关注名单上的人", f"{one.observed} requests about somebody on the list"


def _new_purpose(one: Evidence) -> tuple[str, str]:
    if one.person:
        return (
            f"{one.observed}次查询的用途此前未见于该系统（须观察{one.threshold}天）",
            f"{one.observed} requests for a purpose that the system had not used ({one.threshold} days of learning)",
        )
    return (
        (
            f"当日{one.observed}次以该系统新用途 {one.detail} 查询，另有{one.peers}人（共{one.peers_days}人）使用；"
            f"起点{one.threshold}次"
        ),
        (
            f"{one.observed} requests in a day for {one.detail}, new to the system, which {one.peers} others of "
            f"{one.peers_days} use; {one.threshold} are needed"
        ),
    )


def _no_case(one: Evidence) -> tuple[str, str]:
    usual_zh = f"该系统{one.peers}%的查询（共{one.peers_days}次）注明案号"
    usual_en = f"{one.peers} % of the system's {one.peers_days} requests name one"
    if one.person:
        return f"{one.observed}次查询未注明案号；{usual_zh}", f"{one.observed} requests without a case; {usual_en}"
    return (
        f"当日{one.observed}次查询未注明案号，本人此前最多{one.own}次；{usual_zh}；起点{one.threshold}次",
        (
            f"{one.observed} requests without a case in a day, at most {one.own} on {one.own_days} own days before; "
            f"{usual_en}; {one.threshold} are needed"
        ),
    )


def _shared_case(one: Evidence) -> tuple[str, str]:
    return (
        f"同一案号查询{one.observed}人；同系统人员九成五不超过{one.peers}人（{one.peers_days}个人日）；上限{one.threshold}",
        (
            f"one case for {one.observed} people; 95 % of peers' days have up to {one.peers} ({one.peers_days} days); "
            f"the limit is {one.threshold}"
        ),
    )


def _refusals(one: Evidence) -> tuple[str, str]:
    return (
        (
            f"当日{one.observed}次被拒，共{one.detail}种请求；同系统人员九成五不超过{one.peers}次（{one.peers_days}个人日）；"
            f"起点{one.threshold}次"
        ),
        (
            f"refused {one.observed} times in a day, {one.detail} kinds of request; 95 % of peers' days have at most "
            f"{one.peers} ({one.peers_days} days); {one.threshold} are needed"
        ),
    )


def _emergency(one: Evidence) -> tuple[str, str]:
    zh, en = _FINDINGS[one.detail]
    return f"{one.observed}次紧急调用{zh}", f"{one.observed} declared emergencies {en}"


def _honeytoken(one: Evidence) -> tuple[str, str]:
    return (
        f"{one.observed}次查询不存在的诱饵身份，任何正当业务都不会涉及",
        f"{one.observed} requests about somebody who does not exist: no honest work leads there",
    )


def _repeated(one: Evidence) -> tuple[str, str]:
    return (
        f"{one.observed}天以不同案号查询同一人；同系统{one.peers_days}组查询关系中另有{one.peers}组如此；起点{one.threshold}天",
        (
            f"one person on {one.observed} days with changing cases, as {one.peers} others of the system's "
            f"{one.peers_days} pairs; {one.threshold} days count in full"
        ),
    )


_SENTENCES: Final[Mapping[Rule, Callable[[Evidence], tuple[str, str]]]] = {
    Rule.BULK: _bulk,
    Rule.SUSTAINED: _sustained,
    Rule.FAST: _fast,
    Rule.OFF_HOURS: _off_hours,
    Rule.RELATION: _relation,
    Rule.WATCHED: _watched,
    Rule.NEW_PURPOSE: _new_purpose,
    Rule.NO_CASE: _no_case,
    Rule.SHARED_CASE: _shared_case,
    Rule.REFUSALS: _refusals,
    Rule.EMERGENCY: _emergency,
    Rule.HONEYTOKEN: _honeytoken,
    Rule.REPEATED: _repeated,
}
