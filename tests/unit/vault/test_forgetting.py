"""Whatever a table says about a person is either forgotten at an erasure or said to stay."""

from gateway.storage.migrate import declared_tables
from gateway.vault.forgetting import FORGOTTEN, KEPT


def test_every_table_with_rows_about_persons_is_forgotten_or_kept_and_says_which() -> None:
    about = {name for name, table in declared_tables().tables.items() if "person_id" in table.columns}
    forgotten = {table.name for table in FORGOTTEN}
    assert about == forgotten | KEPT, "say in gateway/vault/forgetting.py what becomes of the table at an erasure"
    assert not forgotten & KEPT
