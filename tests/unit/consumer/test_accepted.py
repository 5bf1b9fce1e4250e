from pathlib import Path

from nodes.consumer.accepted import AcceptedProviders
from tests.support.exchange_gateway import DAY_MS, NOW_MS, ExchangeGateway


def _fingerprints(folder: Path, gateway: ExchangeGateway) -> frozenset[str]:
    return AcceptedProviders(folder, "school").fingerprints("civil", "civil.resident", gateway.now_ms)


def test_a_provider_counts_for_its_resource_while_an_agreement_is_in_force(tmp_path: Path) -> None:
    gateway = ExchangeGateway.create()
    side = gateway.providers["civil.resident"]
    gateway.write_agreement(tmp_path, side)
    accepted = AcceptedProviders(tmp_path, "school")
    key = frozenset({side.key.verify_key.fingerprint})
    assert accepted.fingerprints("civil", "civil.resident", NOW_MS) == key
    assert accepted.fingerprints("civil", "civil.marriage", NOW_MS) == frozenset()
    assert accepted.fingerprints("tax", "civil.resident", NOW_MS) == frozenset()
    assert accepted.fingerprints("civil", "civil.resident", NOW_MS + 31 * DAY_MS) == frozenset()
    assert accepted.fingerprints("civil", "civil.resident", NOW_MS - 31 * DAY_MS) == frozenset()


def test_an_agreement_accepted_edited_or_removed_while_the_system_runs_counts_within_half_a_second(
    tmp_path: Path,
) -> None:
    gateway = ExchangeGateway.create()
    accepted = AcceptedProviders(tmp_path / "agreements", "school")

    def counts(after_ms: int) -> bool:
        return bool(accepted.fingerprints("civil", "civil.resident", NOW_MS + after_ms))

    assert not counts(0)
    path = gateway.write_agreement(tmp_path / "agreements", gateway.providers["civil.resident"])
    assert not counts(399)
    assert counts(500)
    good = path.read_text()
    path.write_text(good + "# edited in place")
    assert not counts(1000)
    path.write_text(good)
    assert counts(1500)
    path.unlink()
    assert counts(1600)
    assert not counts(2000)
    # A clock that is set back does not keep an old state alive.
    gateway.write_agreement(tmp_path / "agreements", gateway.providers["civil.resident"])
    assert counts(1000)


def test_an_agreement_that_was_edited_or_unsigned_or_is_anothers_counts_as_absent(tmp_path: Path) -> None:
    gateway = ExchangeGateway.create()
    side = gateway.providers["civil.resident"]
    path = gateway.write_agreement(tmp_path / "edited", side)
    path.write_text(path.read_text().replace("uses_per_day = 1000", "uses_per_day = 1001"))
    assert not _fingerprints(tmp_path / "edited", gateway)
    gateway.write_agreement(tmp_path / "unsigned", side).with_suffix(".sig").unlink()
    assert not _fingerprints(tmp_path / "unsigned", gateway)
    gateway.write_agreement(tmp_path / "anothers", side, consumer="police")
    assert not _fingerprints(tmp_path / "anothers", gateway)
