"""`python -m tests.bench.catalog`: searching a catalogue of ten thousand resources.

Each resource has names, an abstract and eight fields, as a municipal catalogue has them: a few dozen words that nearly
every description holds, some hundreds that fewer do, and a name of its own. Measured: the median and the 99th percentile
of a search, for a word that every resource holds, for two common ones, for a rare one and for a code; and publishing.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.catalog.catalog import Catalog
from gateway.catalog.search import Search
from gateway.storage.database import open_database
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, SharingType
from tests.support.index_node import FixedClock

RESOURCES = 10_000
OF_A_NODE = 250
SEARCHES = 100
_HANDS = "市民户籍婚姻住房社保医疗教育税务企业登记车辆不动产许可处罚证照人口法人信用养老就业残疾救助环保气象交通文旅"
_COMMON = ("基本信息", "登记信息", "办理", "本市", "证件", "状态", "日期", "机关")
QUERIES = {"every": "信息", "common": "登记信息 日期", "rare": "名册零七七七号", "code": "d7.r7x42"}


def described(department: str, code: str, number: int, rng: random.Random) -> ResourceDescription:
    """One resource."""

    def words(count: int) -> str:
        return "".join(rng.choice(_HANDS) + rng.choice(_HANDS) for _ in range(count))

    fields = tuple(
        FieldDescription(
            f"field_{place}",
            f"{words(1)}{rng.choice(_COMMON)}",
            f"Field {place} of {rng.choice(('persons', 'companies', 'houses'))}",
            DataType.STRING,
            Classification.INTERNAL,
            frozenset({Form.VALUE}),
        )
        for place in range(8)
    )
    digits = "".join("零一二三四五六七八九"[int(digit)] for digit in f"{number:04d}")
    return ResourceDescription(
        code=code,
        name_zh=f"{words(2)}名册{digits}号信息",
        name_en=f"Register {number} of {rng.choice(('residents', 'firms', 'permits'))}",
        provider=department,
        abstract_zh=words(12) + "".join(rng.sample(_COMMON, 4)) + "日期登记信息",
        abstract_en="What the department registers about persons and companies in the course of its duties",
        classification=Classification.INTERNAL,
        sharing_type=SharingType.CONDITIONAL,
        sharing_terms="仅用于政务服务事项办理",
        update_cycle="P1D",
        subject_schemes=("cn.resident-id",),
        unlisted=False,
        fields=fields,
    )


def measure(resources: int = RESOURCES, searches: int = SEARCHES) -> dict[str, Any]:
    """Measure.

    Args:
        resources: How many there are.
        searches: How many of each kind.

    Returns:
        Milliseconds.
    """
    rng = random.Random(0)
    document: dict[str, Any] = {"resources": resources}
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'gateway.db'}")
        catalog, search = Catalog(engine, FixedClock()), Search(engine)
        began = time.perf_counter()
        for start in range(0, resources, OF_A_NODE):
            department = f"d{start // OF_A_NODE}"
            offered = [
                described(department, f"{department}.r{start // OF_A_NODE}x{number}", start + number, rng)
                for number in range(min(OF_A_NODE, resources - start))
            ]
            catalog.publish(f"spiffe://bench/department/{department}/node/n", department, offered)
        document["publish_ms_each"] = (time.perf_counter() - began) * 1000 / resources
        for name, query in QUERIES.items():
            taken, found = [], 0
            for _ in range(searches):
                began = time.perf_counter()
                found = len(search(query).found)
                taken.append((time.perf_counter() - began) * 1000)
            document[f"search_{name}"] = {
                "found_on_the_first_page": found,
                "median_ms": statistics.median(taken),
                "p99_ms": sorted(taken)[max(0, round(len(taken) * 0.99) - 1)],
            }
        began = time.perf_counter()
        loaded = len(Catalog(engine, FixedClock()).list())
        document["load_ms"] = (time.perf_counter() - began) * 1000
        assert loaded == resources, "the bench publishes only what holds"
        engine.dispose()
    return document


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=RESOURCES)
    given = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(given.resources), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
