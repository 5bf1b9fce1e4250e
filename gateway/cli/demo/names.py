"""Chinese names as they are given: surnames by how common they are, given names by sex and by the year of birth."""

import random
from typing import Final

from gateway.cli.demo.picks import Weighted

_SURNAMES: Final = Weighted(
    {
        "王": 717, "李": 701, "张": 674, "刘": 510, "陈": 450, "杨": 308, "黄": 245, "赵": 226, "吴": 205, "周": 201,
        "徐": 169, "孙": 164, "马": 158, "朱": 140, "胡": 138, "郭": 130, "何": 120, "林": 114, "罗": 112, "高": 110,
        "郑": 101, "梁": 97, "谢": 86, "宋": 82, "唐": 76, "许": 74, "韩": 72, "邓": 71, "冯": 70, "曹": 69, "彭": 65,
        "曾": 65, "肖": 63, "田": 62, "董": 61, "潘": 60, "袁": 58, "蔡": 57, "蒋": 56, "余": 55, "于": 54, "杜": 53,
        "叶": 52, "程": 51, "魏": 50, "苏": 50, "吕": 49, "丁": 48, "任": 47, "卢": 46, "姚": 45, "沈": 45, "钟": 44,
        "姜": 43, "崔": 42, "谭": 41, "陆": 41, "范": 40, "汪": 40, "廖": 39, "石": 38, "金": 38, "韦": 37, "贾": 36,
        "夏": 36, "付": 35, "方": 35, "邹": 34, "熊": 33, "白": 33, "孟": 32, "秦": 32, "邱": 31, "侯": 30, "江": 30,
        "尹": 29, "薛": 28, "阎": 27, "段": 27, "雷": 26, "龙": 25, "史": 25, "陶": 24, "贺": 23, "毛": 22, "郝": 22,
        "顾": 21, "龚": 21, "邵": 20, "万": 19, "覃": 18, "武": 18, "钱": 18, "戴": 17, "严": 17, "莫": 16, "孔": 16,
        "欧阳": 8, "上官": 3, "司徒": 2, "诸葛": 2, "皇甫": 1, "令狐": 1, "尉迟": 1,
    }
)  # fmt: skip

# Given names by the last year of birth in which they were fashionable: (men, women).
_GIVEN: Final = (
    (
        1964,
        "建国 建华 国强 志明 德胜 永福 玉林 国庆 援朝 文忠 富贵 长生 金山 福生",
        "秀英 桂英 秀兰 玉兰 桂兰 玉英 淑珍 凤英 秀珍 玉珍 桂芳 翠花 素芬 月娥",
    ),
    (
        1979,
        "建军 卫东 伟 强 勇 军 志强 海涛 建平 国平 红兵 永强 文革 晓明 跃进",
        "丽 敏 艳 红 玲 燕 秀芳 美玲 红梅 丽华 海燕 春梅 晓红 卫红 雪梅",
    ),
    (
        1994,
        "伟 磊 涛 鹏 超 斌 俊杰 晓东 志伟 文杰 海龙 明 浩 凯 晨 宁",
        "静 婷 娜 丹 倩 雪 莹 晓燕 婷婷 文静 佳 璐 颖 琳 晶晶 思思",
    ),
    (
        2008,
        "浩然 宇航 子豪 嘉伟 俊熙 天宇 博文 志远 鑫 泽宇 明轩 家豪 思远 昊天",
        "雨欣 梦瑶 佳怡 思雨 雅婷 欣怡 可欣 诗琪 梓涵 若曦 嘉欣 雨桐 紫萱 语嫣",
    ),
    (
        9999,
        "沐宸 浩宇 子墨 宇轩 奕辰 梓睿 铭泽 一诺 景行 知远 云舟 煜祺 予安 承泽",
        "若汐 一诺 梓萱 诗涵 沐瑶 语桐 可馨 依诺 清欢 芷若 星辰 予希 锦书 念安",
    ),
)

_RARE: Final = ("王㛃", "李龑", "陈䶮", "周𬍛", "吴𫖯", "林𬭚", "郑𫗧", "沈玥晗")
"""Names with characters that only four bytes of GB18030 can write: every register must survive them."""

_MINORITY: Final = {
    "回族": ("马", "哈", "丁", "白", "沙"),
    "壮族": ("韦", "覃", "莫", "蓝", "农"),
    "满族": ("关", "佟", "那", "金", "赫"),
    "畲族": ("蓝", "雷", "钟"),
    "土家族": ("田", "向", "彭", "覃"),
    "苗族": ("龙", "吴", "石", "麻"),
}
_UYGHUR: Final = {
    "女": ("阿依古丽·买买提", "古丽娜尔·肉孜", "热孜万·艾力"),
    "男": ("艾力·吐尔逊", "买买提·热合曼", "库尔班·玉素甫"),
}
HAN: Final = "汉族"
UYGHUR: Final = "维吾尔族"


def surname(rng: random.Random, ethnicity: str = HAN) -> str:
    """A surname, as common as it is among people of this ethnicity."""
    own = _MINORITY.get(ethnicity)
    return rng.choice(own) if own else _SURNAMES.pick(rng)


def given(rng: random.Random, sex: str, year: int) -> str:
    """A given name in the fashion of a year.

    Args:
        rng: Randomness.
        sex: 男 or 女.
        year: Year of birth.

    Returns:
        One or two characters.
    """
    men, women = next((men, women) for last, men, women in _GIVEN if year <= last)
    return rng.choice((men if sex == "男" else women).split())


def ethnicity(rng: random.Random) -> str:
    """An ethnicity: nine of ten are Han."""
    return rng.choice(tuple(_MINORITY)) if rng.random() < 0.08 else HAN  # noqa: PLR2004 - a share


def uyghur(rng: random.Random, sex: str) -> str:
    """A full name with its middle point, which no mask and no register may trip over."""
    return rng.choice(_UYGHUR[sex])


def rare_names() -> tuple[str, ...]:
    """Full names with rare characters."""
    return _RARE
