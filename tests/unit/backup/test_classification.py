"""Every table has its treatment in a backup, written down."""

import pytest
from sqlalchemy import LargeBinary

from gateway.backup.classification import TREATMENT, WITHHELD, Treatment, tables, withheld
from gateway.storage.migrate import declared_tables


def test_every_declared_table_is_classified_and_nothing_else_is() -> None:
    declared = set(declared_tables().tables)
    assert set(TREATMENT) == declared, "say in gateway/backup/classification.py what a backup does with the table"


def test_what_is_said_of_a_table_is_what_is_done_with_it() -> None:
    for table in tables():
        assert bool(withheld(table)) == (TREATMENT[table.name] is Treatment.WITHOUT_KEYS), table.name


def test_every_withheld_column_exists_and_may_be_empty() -> None:
    declared = declared_tables().tables
    for name, columns in WITHHELD.items():
        for column in columns:
            assert declared[name].columns[column].nullable


@pytest.mark.parametrize("word", ["wrapped", "secret", "private", "data_key"])
def test_no_column_that_sounds_like_a_key_is_copied(word: str) -> None:
    sounding = {
        (table.name, column.name)
        for table in tables()
        for column in table.columns
        if word in column.name and isinstance(column.type, LargeBinary) and column.name not in withheld(table)
    }
    # A hash of a one-time secret, of which the secret cannot be found.
    assert sounding <= {("identity_enrolment_tokens", "secret_hash")}
