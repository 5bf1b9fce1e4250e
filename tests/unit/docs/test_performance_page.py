"""docs/performance.md names measurements that are there and says how to repeat each."""

import re

from tests.unit.docs.pages import ROOT, read, table

TEXT = read("docs/performance.md")


def test_every_measurement_says_how_to_repeat_it() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))
    for row in table(TEXT, "work | yardstick in the same run"):
        words = row[-1].split()
        if words[0] == "make":
            assert words[1] in targets
        else:
            assert words[:2] == ["python", "-m"]
            source = read(words[2].replace(".", "/") + ".py")
            assert all(f'"{option}"' in source for option in words if option.startswith("--"))


def test_the_number_of_rounds_is_the_one_of_the_code() -> None:
    assert "ROUNDS = 5" in read("tests/bench/run.py")
    assert "over five rounds" in " ".join(TEXT.split())


def test_the_result_is_written_where_the_page_says() -> None:
    assert 'Path("build/bench.json")' in read("tests/bench/run.py")
    assert "build/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
