"""Pages refer only to what is there: files, headings, code, make targets and commands."""

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, code_spans, headings, links, prose, read

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# A path of the project in code marks: begins with one of its folders and has no placeholder in it.
PATH = re.compile(r"(?:gateway|nodes|policies|keys|proto|tests|docs)/[\w./-]*")
MADE_BY_A_RUN = ("proto/gen",)


def slug(heading: str) -> str:
    """The anchor that a heading gets: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in links(read(page)):
        path, _, anchor = target.partition("#")
        there = (ROOT / page).parent / path
        assert there.exists(), target
        if anchor:
            assert anchor in {slug(text) for _, text in headings(there.read_text(encoding="utf-8"))}, target


@pytest.mark.parametrize("page", PAGES)
def test_every_anchor_inside_a_page_is_a_heading_of_it(page: str) -> None:
    text = read(page)
    anchors = re.findall(r"\]\(#([^)]+)\)", prose(text))
    assert set(anchors) <= {slug(heading) for _, heading in headings(text)}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_of_the_project_that_a_page_names_is_there(page: str) -> None:
    for span in code_spans(read(page)):
        if PATH.fullmatch(span) and not span.startswith(MADE_BY_A_RUN):
            assert (ROOT / span).exists() or (ROOT / f"{span}.md").exists(), span


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_a_page_names_is_in_the_makefile(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE))
    named = {span.split()[1] for span in code_spans(read(page)) if re.fullmatch(r"make [a-z-]+", span)}
    named |= set(re.findall(r"^make ([a-z-]+)", blocks, re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_section_has_one_name(page: str) -> None:
    found = [text for level, text in headings(read(page)) if level < 3]
    assert len(found) == len(set(found))


def test_every_page_can_be_found_from_the_first_one() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in links(page.read_text(encoding="utf-8")):
            there = (page.parent / target.partition("#")[0]).resolve()
            if there.suffix == ".md":
                waiting.append(there)
    assert {ROOT / page for page in PAGES} <= seen
