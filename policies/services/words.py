"""What a clerk and an applicant are told about an application, in Chinese and English; each table is total (tested)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policies.reasons import Text
from policies.services.evaluate import Standing, State
from policies.services.judge import Why
from policies.services.model import Channel, Necessity, NoMatch

STATES: Final[Mapping[State, Text]] = MappingProxyType(
    {
        State.COMPLETE: Text("材料齐全", "complete"),
        State.DEFERRED: Text("可容缺受理，须限期补齐", "may be taken; evidence is owed"),
        State.UNKNOWN: Text("尚不能判断，请稍后再查", "not known yet: ask again"),
        State.INCOMPLETE: Text("材料不齐全", "incomplete"),
    }
)
"""How an application stands."""

STANDINGS: Final[Mapping[Standing, Text]] = MappingProxyType(
    {
        Standing.SATISFIED: Text("已具备", "satisfied"),
        Standing.MISSING: Text("缺少", "missing"),
        Standing.DEFERRED: Text("容缺，待补", "owed"),
        Standing.UNKNOWN: Text("未知", "not known yet"),
        Standing.LEFT_OUT: Text("未查询（可选）", "not looked at (optional)"),
    }
)
"""How a requirement stands."""

WHYS: Final[Mapping[Why, Text]] = MappingProxyType(
    {
        Why.NOT_AVAILABLE: Text("提供方没有可提供的内容", "the provider has nothing that it may tell"),
        Why.WITHHELD: Text("按规则不予提供", "policy withholds it"),
        Why.NOT_AGREED: Text(
            "没有允许查询的共享协议，未查询", "no accepted agreement permits it; it was not asked for"
        ),
        Why.NOT_MET: Text("答复不符合要求", "the answer is not what is needed"),
        Why.UNDECIDED: Text("答复不足以判断", "the answer leaves it open"),
        Why.OWN_WORD: Text("仅为本人填报，未经核验", "only entered by the person, not verified"),
        Why.SILENT: Text("提供方未应答，请稍后再查", "the provider did not answer: ask again"),
        Why.FAILED: Text("查询中断，请稍后再查", "the request broke off: ask again"),
        Why.NOT_ASKED: Text("未查询", "not asked for"),
        Why.BY_HAND: Text("须由申请人提交或由本部门核查", "is handed in or found out, not shared"),
    }
)
"""Why an item does not show what it is needed for."""

NECESSITIES: Final[Mapping[Necessity, Text]] = MappingProxyType(
    {
        Necessity.REQUIRED: Text("必需", "required"),
        Necessity.DEFERRABLE: Text("可容缺", "deferrable"),
        Necessity.OPTIONAL: Text("可选", "optional"),
    }
)
"""What it means when a requirement is not met."""

CHANNELS: Final[Mapping[Channel, Text]] = MappingProxyType(
    {
        Channel.SHARED_DATA: Text("数据共享", "shared data"),
        Channel.E_CERTIFICATE: Text("电子证照", "electronic certificate"),
        Channel.APPLICANT: Text("申请人提交", "handed in by the applicant"),
        Channel.AGENCY: Text("本部门核查", "found out by the department"),
    }
)
"""Where evidence comes from."""

FALLBACKS: Final[Mapping[NoMatch, Text]] = MappingProxyType(
    {
        NoMatch.SUPPLEMENT: Text("补充材料", "hand in"),
        NoMatch.DECLARATION: Text("告知承诺", "declare under a commitment"),
        NoMatch.CHECK: Text("部门核查", "the department finds out"),
        NoMatch.REFUSAL: Text("不能办理", "cannot go on"),
    }
)
"""What follows when no list of a requirement is satisfied."""
