"""The terms under which a resource is found, and the terms that a search asks for.

Rules kept here: what is indexed and what is asked for are cut by the same function, so that a text finds itself. Full
width becomes half width and capitals become small (Unicode NFKC and case folding); a run of Chinese characters gives
every single character and every two that stand together; a word of letters and digits is one term, and so is a whole
dotted code; an English plural is found by its singular and the other way round. Traditional characters are not turned
into simplified ones: they are found as they are typed. Whatever is neither letter nor digit only separates. Pure.

What it does not do: it knows no synonyms, no spelling mistakes and no beginnings of words.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from gateway.errors import bad_request
from policies.resources import ResourceDescription

MAX_QUERY: Final = 64
"""Longest query, characters; it gives at most as many terms."""
MAX_TERM: Final = 64
"""A longer word counts by its beginning."""
MAX_WEIGHT: Final = 1000

# Weights: a code is meant when it is typed; a name says more than a field, a field more than a sentence.
_CODE: Final = 40
_NAME: Final = 12
_PROVIDER: Final = 6
_PATH: Final = 5
_FIELD: Final = 4
_TEXT: Final = 1

_WHOLE_CODE: Final = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)+")
# Unified ideographs with their extensions and compatibility forms, and the marks that stand for one (々 〇).
_IDEOGRAPHS: Final = (
    (0x3005, 0x3007),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_MIN_PLURAL: Final = 4


def described(resource: ResourceDescription) -> dict[str, int]:
    """Terms of a description with their weights.

    Args:
        resource: The description.

    Returns:
        Weight by term, 1 to `MAX_WEIGHT`.
    """
    weights: dict[str, int] = {}
    for text, weight in _texts(resource):
        for term in set(_terms(text, single=True)):
            weights[term] = min(MAX_WEIGHT, weights.get(term, 0) + weight)
    return weights


def asked(query: str) -> tuple[str, ...]:
    """Terms that all have to occur.

    Args:
        query: As typed.

    Returns:
        1 to `MAX_QUERY` different terms, in the order typed.

    Raises:
        Refused: BAD_REQUEST: the query is empty, too long, or has nothing in it to look for.
    """
    if len(query) > MAX_QUERY:
        raise bad_request("query", f"must be at most {MAX_QUERY} characters")
    terms = tuple(dict.fromkeys(_terms(query, single=False)))
    if not terms:
        raise bad_request("query", "must hold a letter, a digit or a Chinese character")
    # Compatibility characters can become several: the bound is on what is looked for.
    return terms[:MAX_QUERY]


def _texts(resource: ResourceDescription) -> Iterator[tuple[str, int]]:
    yield resource.code, _CODE
    yield resource.provider, _PROVIDER
    for text in (resource.name_zh, resource.name_en):
        yield text, _NAME
    for step in resource.classification_path:
        yield f"{step.zh} {step.en}", _PATH
    for field in resource.fields:
        for text in (field.code, field.name_zh, field.name_en):
            yield text, _FIELD
        yield field.authority, _TEXT
    for text in (resource.abstract_zh, resource.abstract_en, resource.sharing_terms, resource.duty, resource.purpose):
        yield text, _TEXT


def _terms(text: str, *, single: bool) -> Iterator[str]:
    """Terms of a text; of a Chinese run that has more than one character also each one when `single`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    rest = folded
    for match in _WHOLE_CODE.finditer(folded):
        yield match[0][:MAX_TERM]
        if not single:
            # Whoever types a code means that one; its words alone would find every neighbour.
            rest = rest.replace(match[0], " ", 1)
    for run, ideographs in _runs(rest):
        if not ideographs:
            yield _singular(run)[:MAX_TERM]
            continue
        if single or len(run) == 1:
            yield from run
        yield from (run[place : place + 2] for place in range(len(run) - 1))


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    run, kind = "", None
    for character in text:
        now = _kind(character)
        if now != kind:
            if kind is not None:
                yield run, kind
            run, kind = "", now
        run += character
    if kind is not None:
        yield run, kind


def _kind(character: str) -> bool | None:
    """True for an ideograph, False for another letter or digit, None for what separates."""
    point = ord(character)
    if any(first <= point <= last for first, last in _IDEOGRAPHS):
        return unicodedata.category(character)[0] in "LN"
    return False if character.isalnum() else None


def _singular(word: str) -> str:
    """An English word without its plural ending; others stay, and a code such as `cn2s` with them."""
    if len(word) < _MIN_PLURAL or not word.isascii() or not word.isalpha() or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word if word.endswith(("ss", "us", "is")) else word[:-1]
