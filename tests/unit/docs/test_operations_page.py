"""docs/operations.md lists every setting with its default and what is admitted, and every exit code."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.bootstrap import home
from gateway.bootstrap.offline import LEDGER_ANCHOR
from gateway.bootstrap.restored import MARK
from gateway.bootstrap.vault_identity import CERTIFICATE_FILE
from gateway.cli import output
from gateway.settings import FILE_NAME, STATUS_FILE, Settings
from tests.unit.docs.pages import code_spans, prose, read, table

TEXT = read("docs/operations.md")


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds: itself, or as the element of a list of tables."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def every_setting(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        section = model_in(field.annotation)
        if section is None:
            yield prefix + name, field
        else:
            yield from every_setting(section, f"{prefix}{name}{'[]' if get_args(field.annotation) else ''}.")


def default_text(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def range_text(field: FieldInfo) -> str:
    low = [str(rule.ge) for rule in field.metadata if isinstance(rule, Ge)]
    high = [str(rule.le) for rule in field.metadata if isinstance(rule, Le)]
    if low and high:
        return f"{low[0]}–{high[0]}"
    return f"≥ {low[0]}" if low else ""


SETTINGS = [(key, field) for key, field in every_setting(Settings) if key != "home"]


def test_every_setting_is_listed_with_its_default_and_range() -> None:
    documented = [(row[0], row[1], row[2]) for row in table(TEXT, "key | default")]
    assert documented == [(key, default_text(field), range_text(field)) for key, field in SETTINGS]


def test_every_setting_says_what_it_is_for() -> None:
    assert all(row[3] for row in table(TEXT, "key | default"))
    assert all(field.description for _, field in SETTINGS)


def test_the_example_of_a_settings_file_is_accepted(tmp_path: Path) -> None:
    example = TEXT.split("```toml\n", 1)[1].split("```", 1)[0]
    assert len(tomllib.loads(example)) > 3
    (tmp_path / "gateway.toml").write_text(example, encoding="utf-8")
    Settings.load(tmp_path)


def test_the_file_that_init_writes_points_to_this_page() -> None:
    assert "docs/operations.md" in home._TEMPLATE


def test_every_exit_code_is_listed() -> None:
    codes = {value for name, value in vars(output).items() if name.startswith("EXIT_")} | {0}
    assert {int(row[0]) for row in table(TEXT, "exit code | meaning")} == codes


def test_the_files_of_a_home_are_listed() -> None:
    listed = {row[0] for row in table(TEXT, "file | what")}
    made = {FILE_NAME, home.PASSPHRASE_FILE, STATUS_FILE, LEDGER_ANCHOR, CERTIFICATE_FILE, MARK}
    made |= {"keyring.bin", "gateway.db"}
    assert made <= listed


def test_the_page_says_that_passphrase_and_keyring_must_not_lie_together() -> None:
    assert "keyring.bin" in code_spans(TEXT)
    assert "never into the same backup" in prose(TEXT)
