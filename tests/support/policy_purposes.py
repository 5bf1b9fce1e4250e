"""Further purposes for questions: one that is retired on the very day of the questions, and one for consent alone."""

from policies.purposes import PURPOSES, parse_purposes

RETIRED = "flood_relief_2020"
CONSENT_ONLY = "library_card"
TEXT = """\
format = "oncegate.purposes/1"

[flood_relief_2020]
zh = "二〇二〇年洪灾救助"
en = "Relief after the flood of 2020"
bases = ["mandate", "explicit_request"]
law_zh = "《自然灾害救助条例》"
law_en = "Regulation on Relief for Natural Disasters"
retired = 2025-06-01

[library_card]
zh = "图书馆读者证"
en = "Library card"
bases = ["consent"]
law_zh = "《中华人民共和国公共图书馆法》"
law_en = "Public Library Law"
"""
VOCABULARY = parse_purposes(TEXT.encode(), PURPOSES)
"""The purposes of the package and these two."""
