"""The measurements follow the program: each still runs, at its smallest size. What they measured is not looked at."""

import importlib
import pkgutil

import pytest

from tests import bench
from tests.bench import audit_review, audit_scale, decisions, vault, vault_scale


@pytest.mark.parametrize("name", [found.name for found in pkgutil.iter_modules(bench.__path__)])
def test_every_measurement_fits_the_program_as_far_as_importing_tells(name: str) -> None:
    importlib.import_module(f"tests.bench.{name}")


def test_sealing_a_field_is_measured() -> None:
    document = vault.measure(rounds=1, calls=20)
    assert document["vault_field_vs_raw_aead"] > 0


@pytest.mark.long
def test_reading_among_many_is_measured() -> None:
    # Every profile that is read is checked by the measurement itself.
    document = vault_scale.measure(rounds=1, many=vault_scale.READ)
    assert document["profile_read_1m_vs_10k"] > 0


@pytest.mark.long
def test_reading_the_log_among_many_is_measured() -> None:
    document = audit_scale.measure(rounds=1, many=audit_scale.FEW)
    assert document["audit_query_10m_vs_10k"] > 0


@pytest.mark.long
def test_the_auditors_questions_are_measured() -> None:
    # That each question finds something is checked by the measurement itself.
    document = audit_review.measure(entries=10_000, runs=1)
    assert 0 < document["audit_questions_1m_s"] < audit_review.LONGEST_S


@pytest.mark.long
def test_decisions_are_measured() -> None:
    document = decisions.measure(rounds=1, calls=20, many=decisions.FEW + 1)
    assert document["decision_agreements_100k_vs_100"] > 0
    assert {"decision_cached_us", "decision_uncached_us"} <= document["absolute"].keys()
