"""The demo's city: invented, with division codes built as GB/T 2260 prescribes and assigned to no real place.

GB/T 2260: two digits province, two prefecture, two county (01-20 district, 21-80 county, 81-99 city of county rank).
Prefecture 88 is unassigned in every province used here. An identity number begins with such a code, so no number in
the demo can be that of a real person.
"""

import random
from dataclasses import dataclass
from typing import Final

from gateway.cli.demo.picks import Weighted

PROVINCE: Final = "浙江省"
CITY: Final = "云泽市"
CITY_CODE: Final = "338800"
XINJIANG: Final = "新疆维吾尔自治区"


@dataclass(frozen=True, slots=True)
class Division:
    """A division of county rank.

    Attributes:
        code: Six digits as in GB/T 2260.
        name: Its name.
        towns: Streets and towns in it.
    """

    code: str
    name: str
    towns: tuple[str, ...]


DIVISIONS: Final = (
    Division("338802", "临江区", ("望江街道", "南星街道", "江湾街道", "潮鸣街道")),
    Division("338803", "望湖区", ("湖滨街道", "翠苑街道", "文新街道", "古荡街道")),
    Division("338804", "东屏区", ("东屏街道", "丁兰街道", "彭埠街道")),
    Division("338805", "南圃区", ("浦沿街道", "长河街道", "西兴街道")),
    Division("338821", "青溪县", ("城关镇", "汾口镇", "千汾镇", "枫树岭镇")),
    Division("338881", "石桥市", ("石桥街道", "梅城镇", "寿昌镇")),
)
_BY_SIZE: Final = Weighted(dict(zip(DIVISIONS, (30, 26, 18, 14, 7, 5), strict=True)))

# Where people who moved here were first registered: province code and name; the county is again an unassigned one.
_ELSEWHERE: Final = Weighted(
    {("348821", "安徽省"): 24, ("368821", "江西省"): 18, ("418821", "河南省"): 16, ("428821", "湖北省"): 10,
     ("438821", "湖南省"): 8, ("518821", "四川省"): 8, ("528821", "贵州省"): 6, ("328821", "江苏省"): 6,
     ("378821", "山东省"): 3, ("658821", XINJIANG): 1}
)  # fmt: skip

_ROADS: Final = [
    "建设路",
    "解放路",
    "人民路",
    "文三路",
    "江南大道",
    "滨河路",
    "学院路",
    "新华路",
    "和平路",
    "朝晖路",
    "中山北路",
    "凤起路",
    "望江路",
    "天目山路",
    "庆春路",
    "延安路",
    "体育场路",
    "绍兴路",
    "钱塘路",
    "秋涛北路",
    "青年路",
    "梅花碑",
    "河坊街",
    "育才路",
]
_ESTATES: Final = [
    "锦绣花园",
    "金色家园",
    "望江家园",
    "湖畔花园",
    "翠苑小区",
    "桂花城",
    "阳光苑",
    "春江花月",
    "绿城春晓",
    "东方润园",
    "云栖蝶谷",
    "和家园",
    "美丽洲",
    "三里亭小区",
    "文晖新村",
    "大关小区",
    "朝晖小区",
    "丽江公寓",
]


def division(rng: random.Random) -> Division:
    """A division, the larger ones more often."""
    return _BY_SIZE.pick(rng)


def first_registered(rng: random.Random, here: Division, share_moved: float) -> tuple[str, str]:
    """Where a person was first registered: division code and native place.

    Args:
        rng: Randomness.
        here: Where the person lives.
        share_moved: Share of people who came from another province.
    """
    if rng.random() < share_moved:
        return _ELSEWHERE.pick(rng)
    if rng.random() < 0.15:  # noqa: PLR2004 - a share: moved within the city
        here = division(rng)
    return here.code, f"{PROVINCE}{CITY}"


def road_and_number(rng: random.Random) -> str:
    """A road and a house number."""
    return f"{rng.choice(_ROADS)}{rng.randint(1, 588)}号"


def home(rng: random.Random, here: Division) -> str:
    """The address of a flat."""
    # One house in ten stands in no estate.
    estate = rng.choice(_ESTATES) if rng.random() < 0.9 else ""  # noqa: PLR2004 - a share
    door = f"{rng.randint(1, 32)}幢{rng.randint(1, 4)}单元{rng.randint(1, 18)}{rng.randint(1, 4):02d}室"
    return f"{PROVINCE}{CITY}{here.name}{rng.choice(here.towns)}{road_and_number(rng)}{estate}{door}"


def office(rng: random.Random, here: Division) -> str:
    """The address of a company."""
    return f"{PROVINCE}{CITY}{here.name}{rng.choice(here.towns)}{road_and_number(rng)}{rng.randint(1, 28)}层"
