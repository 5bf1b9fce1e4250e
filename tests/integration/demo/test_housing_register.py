"""The demo's housing register in a real PostgreSQL server, read by a node's connector."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.cli.demo.housing_server import housing_server
from gateway.cli.demo.population import SEED, make_population
from gateway.cli.demo.register_files import HOUSING_URL, write_all
from gateway.cli.demo.registers import make_registers
from nodes.provider.config import SqlSource, load_offer
from nodes.provider.connectors.rows import Row
from nodes.provider.connectors.sql import SqlConnector, open_engine
from policies.release import canonicalise
from policies.vocabulary import DataType


@pytest.mark.long
@pytest.mark.postgres
def test_all_registers_are_written_and_housing_is_served_from_postgresql(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    registers = make_registers(make_population(date(2026, 3, 1), residents=2000, companies=300), SEED)
    # Not in pytest's own folder: see `running_postgres`.
    server = TemporaryDirectory(prefix="oncegate-housing-", ignore_cleanup_errors=True)
    request.addfinalizer(server.cleanup)
    with housing_server(Path(server.name) / "data") as url:
        written = write_all(registers, tmp_path / "data", url)
        assert set(written.rows) == set(written.resources) == {"civil", "social", "housing", "market"}
        offer = load_offer(written.resources["housing"], "housing", {HOUSING_URL: url})
        source = offer.sources["registrations"]
        assert isinstance(source, SqlSource)
        engine = open_engine(source)
        connector = SqlConnector(engine, source, offer.resources["housing.property"])
        connector.probe()
        rows = list(connector.scan())
        assert all(isinstance(row, Row) for row in rows)
        assert len(rows) == written.rows["housing"] == len(registers.properties)
        entry = registers.properties[0]
        row = connector.read_many([f"s:{entry.number}"])[f"s:{entry.number}"]
        assert row.values["owner_id_no"] == entry.owner.identifier
        assert canonicalise(DataType.DECIMAL, row.values["area"] or "") == f"{entry.area:.2f}"
        assert canonicalise(DataType.DATE, row.values["registered_on"] or "") == entry.registered.isoformat()
        assert canonicalise(DataType.BOOLEAN, row.values["mortgaged"] or "") == str(entry.mortgaged).lower()
        engine.dispose()
    with housing_server(Path(server.name) / "data") as again:
        assert again == url, "the data is there when the server comes back"
