"""A CSV file as a source: encodings, Chinese headers, bad rows, changes under way."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nodes.errors import SourceFailed
from nodes.provider.config import load_offer
from nodes.provider.connectors import BadRow, Connector, Row, open_source
from nodes.provider.connectors.csv_records import LONGEST_RECORD

OFFER = """format = "oncegate.resources/1"
[sources.people]
kind = "csv"
path = "people.csv"
encoding = "{encoding}"
delimiter = "{delimiter}"
[[resources]]
code = "civil.resident"
name = {{ zh = "居民", en = "Residents" }}
abstract = {{ zh = "居民", en = "Residents" }}
classification = "internal"
sharing_type = "unconditional"
duty = "户籍管理"
purpose = "办理政务服务事项"
update_cycle = "P1D"
source = "people"
key = "编号"
subject = {{ scheme = "cn.resident-id", column = "身份证号" }}
[[resources.fields]]
code = "name"
column = "姓名"
name = {{ zh = "姓名", en = "Name" }}
type = "string"
classification = "internal"
forms = ["value"]
"""

Make = Callable[..., Connector]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def connector(content: bytes, encoding: str = "utf-8", delimiter: str = ",") -> Connector:
        (tmp_path / "people.csv").write_bytes(content)
        file = tmp_path / "resources.toml"
        file.write_text(OFFER.format(encoding=encoding, delimiter=delimiter))
        offer = load_offer(file, "civil", {})
        return open_source(offer.sources["people"], list(offer.resources.values())).connectors["civil.resident"]

    return connector


def rows(connector: Connector) -> tuple[dict[str, str | None], list[BadRow]]:
    found = list(connector.scan())
    return (
        {row.key: row.values["姓名"] for row in found if isinstance(row, Row)},
        sorted((row for row in found if isinstance(row, BadRow)), key=lambda row: row.line or 0),
    )


TABLE = "编号,身份证号,备注,姓名\r\nK1,110101199003070011,,张三\r\nK2,110101198506120020,x,李四\r\n"


@pytest.mark.parametrize(
    "content",
    [TABLE.encode(), b"\xef\xbb\xbf" + TABLE.encode(), TABLE.replace("\r\n", "\n").rstrip().encode()],
)
def test_utf_8_with_and_without_byte_order_mark(make: Make, content: bytes) -> None:
    connector = make(content)
    assert rows(connector) == ({"s:K1": "张三", "s:K2": "李四"}, [])
    assert connector.read_many(["s:K2", "s:K9"])["s:K2"].values == {
        "编号": "K2",
        "身份证号": "110101198506120020",
        "姓名": "李四",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\\t"])
def test_gb18030_with_rare_characters_and_any_delimiter(make: Make, delimiter: str) -> None:
    # 瓅 and 𠮷 need four bytes or a trailing byte in the ASCII range; 亅 is 0x817C: its second byte is a vertical bar.
    names = ["亅亅", "𠮷野家", "瓅镕", "丂丄丅丆丏"]
    between = delimiter.replace("\\t", "\t")
    lines = [between.join(("编号", "身份证号", "姓名"))]
    lines += [between.join((f"K{number}", "1", name)) for number, name in enumerate(names)]
    connector = make("\r\n".join(lines).encode("gb18030"), "gb18030", delimiter)
    assert rows(connector) == ({f"s:K{number}": name for number, name in enumerate(names)}, [])
    assert connector.read_many(["s:K1"])["s:K1"].values["姓名"] == "𠮷野家"


def test_bad_rows_are_told_by_line_and_good_ones_are_served(make: Make) -> None:
    content = b"\n".join(
        [
            "编号,身份证号,姓名".encode(),
            "K1,1,张三".encode(),
            b"K2,1",
            "K3,1,李四,x".encode(),
            ",1,王五".encode(),
            b"",
            b"K5,1," + "王五".encode("gb18030"),
            'K6,1,"赵六'.encode(),
            "K7,1,钱七".encode(),
            'K8,1,"孙"八'.encode(),
            f"K9,1,{'长' * 131_073}".encode(),
            ("K10,1," + "x" * LONGEST_RECORD).encode(),
            "K11,1,周十一".encode(),
        ]
    )
    good, bad = rows(make(content))
    assert good == {"s:K1": "张三", "s:K7": "钱七", "s:K11": "周十一"}
    assert [(row.line, row.rule) for row in bad] == [
        (3, "has 2 cells, expected 3"),
        (4, "has 4 cells, expected 3"),
        (5, "a key must be an integer, a text, a UUID or a decimal number"),
        (7, "is not utf-8"),
        (8, "is not valid CSV"),
        (10, "is not valid CSV"),
        (11, "is not valid CSV"),
        (12, "is longer than 1 MiB"),
    ]
    assert not any(name in row.rule for row in bad for name in ("张", "李", "王", "赵", "孙"))


def test_quoted_cells_may_hold_line_ends_quotes_and_delimiters(make: Make) -> None:
    connector = make('编号,身份证号,姓名\nK1,1,"张,三\n""四"""\nK2,1,李\n'.encode())
    assert rows(connector) == ({"s:K1": '张,三\n"四"', "s:K2": "李"}, [])
    assert connector.read_many(["s:K1"])["s:K1"].values["姓名"] == '张,三\n"四"'


def test_a_stray_quote_does_not_swallow_the_rows_up_to_the_next_one(make: Make) -> None:
    text = '编号,身份证号,姓名\nK1,1,5" 张\nK2,1,李\nK3,1,6" 王\nK4,1,"赵\nK5,1,钱\n'
    good, bad = rows(make(text.encode()))
    assert good == {"s:K1": '5" 张', "s:K2": "李", "s:K3": '6" 王', "s:K5": "钱"}
    assert [row.line for row in bad] == [5]


def test_a_key_in_two_rows_serves_neither_and_names_every_line(make: Make) -> None:
    connector = make("编号,身份证号,姓名\nK1,1,张\nK2,1,李\nK1,1,王\nK1,1,赵\n".encode())
    good, bad = rows(connector)
    assert good == {"s:K2": "李"}
    assert [(row.line, row.key) for row in bad] == [(2, "s:K1"), (4, "s:K1"), (5, "s:K1")]
    assert connector.read_many(["s:K1"]) == {}


@pytest.mark.parametrize(
    ("content", "encoding", "rule"),
    [
        (b"", "utf-8", "line 1 must be a header"),
        (TABLE.encode("gb18030"), "utf-8", "line 1: the header is not utf-8"),
        (TABLE.encode(), "gb18030", "columns missing: 编号, 身份证号, 姓名"),
        (b"\xff\xfe" + TABLE.encode("utf-16-le"), "utf-8", "the header is not utf-8"),
        ("编号,名字\n1,2\n".encode(), "utf-8", "columns missing: 身份证号, 姓名"),
        ("编号,身份证号,姓名,姓名\n1,2,3,4\n".encode(), "utf-8", "a column stands twice in the header"),
        (b"x" * (LONGEST_RECORD + 2), "utf-8", "line 1 must be a header"),
    ],
)
def test_a_file_that_cannot_be_right_counts_as_broken(make: Make, content: bytes, encoding: str, rule: str) -> None:
    connector = make(content, encoding)
    with pytest.raises(SourceFailed) as caught:
        connector.probe()
    assert rule in caught.value.detail
    with pytest.raises(SourceFailed):
        connector.read_many(["s:K1"])
    with pytest.raises(SourceFailed):
        next(iter(connector.scan()))


def test_a_missing_file_counts_as_broken_and_comes_back(make: Make, tmp_path: Path) -> None:
    connector = make(TABLE.encode())
    (tmp_path / "people.csv").unlink()
    with pytest.raises(SourceFailed, match="FileNotFoundError"):
        connector.probe()
    (tmp_path / "people.csv").write_bytes(TABLE.encode())
    assert rows(connector)[0] == {"s:K1": "张三", "s:K2": "李四"}


def test_a_replaced_file_is_read_anew_and_a_scan_under_way_ends_with_the_old_one(make: Make, tmp_path: Path) -> None:
    connector = make(TABLE.encode())
    under_way = connector.scan()
    first = next(under_way)
    assert isinstance(first, Row)
    draft = tmp_path / "draft.csv"
    draft.write_bytes(TABLE.replace("李四", "王五").encode())
    draft.replace(tmp_path / "people.csv")
    assert [row.values["姓名"] for row in [first, *under_way] if isinstance(row, Row)] == ["张三", "李四"]
    assert connector.read_many(["s:K2"])["s:K2"].values["姓名"] == "王五"


def test_a_file_cut_short_during_a_scan_fails_the_scan(make: Make, tmp_path: Path) -> None:
    connector = make(TABLE.encode())
    under_way = connector.scan()
    next(under_way)
    with (tmp_path / "people.csv").open("r+b") as stream:
        stream.truncate(30)
    with pytest.raises(SourceFailed, match="changed while it was read"):
        list(under_way)
