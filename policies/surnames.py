"""Compound surnames of two characters, so that a mask keeps the surname whole and never shows a given name.

What it does not do: it does not guess surnames of other scripts, nor married double surnames (陈方安生), of which only
the first character is kept.
"""

from typing import Final

# Compound surnames in use, after 百家姓 and the household register's list.
_LIST: Final = """
欧阳 司马 上官 诸葛 司徒 司空 夏侯 皇甫 尉迟 公孙 慕容 令狐 宇文
长孙 东方 南宫 西门 轩辕 独孤 端木 申屠 淳于 濮阳 公羊 澹台 公冶
宗政 太叔 鲜于 闾丘 仲孙 钟离 赫连 呼延 百里 东郭 南门 北宫 拓跋
完颜 万俟 闻人 第五 单于 亓官 司寇 巫马 公西 漆雕 乐正 壤驷 公良
夹谷 宰父 谷梁 段干 梁丘 左丘 东门 贺兰 纳兰 哥舒 叶赫 富察 歐陽
司馬 諸葛 長孫 東方 南宮 西門 軒轅 獨孤 單于 聞人 鍾離 赫連 鮮于
濮陽 澹臺 萬俟 納蘭 賀蘭 東郭 公孫 尉遲 相里 屈突 豆卢 侯莫 莫折
王孙 司城 子车 颛孙 公皙 伯赏
"""
COMPOUND: Final = frozenset(_LIST.split())


def surname_length(name: str) -> int:
    """Number of leading characters of a Chinese name that are the surname.

    Args:
        name: A name of Han characters only.

    Returns:
        2 for a compound surname that is followed by a given name, else 1 (so 欧阳 alone is surname 欧, given name 阳).
    """
    return 2 if len(name) > 2 and name[:2] in COMPOUND else 1  # noqa: PLR2004 - compound surnames have two characters
