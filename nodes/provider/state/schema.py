"""Tables of the node's own database and how it is opened.

`records` maps handles to source keys and says what is published; `outbox` holds index changes that are not yet
durable at the gateway; `tickets` remembers used tickets until they expire; `receipts` and `certified` prove every
release; `uses` and `rates` count what was used of each agreement; `consents` says which consents ended or are paused,
`consent_texts` holds those under which something was released; `scans` and `notes` say how the last comparison of each
resource went; `guesses` and `guess_days` count the predicates asked about each record; `meta` holds single values.
"""

from typing import Final

VERSION: Final = 3

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
  resource TEXT NOT NULL, key TEXT NOT NULL, handle BLOB NOT NULL, identifier TEXT NOT NULL, digest BLOB NOT NULL,
  version INTEGER NOT NULL, updated_ms INTEGER NOT NULL, live INTEGER NOT NULL,
  PRIMARY KEY (resource, key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX records_by_handle ON records (resource, handle);
CREATE INDEX records_by_subject ON records (resource, identifier) WHERE live = 1;
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY, resource TEXT NOT NULL, handle BLOB NOT NULL, scheme TEXT NOT NULL,
  identifier TEXT NOT NULL, version INTEGER NOT NULL, updated_ms INTEGER NOT NULL, tombstone INTEGER NOT NULL
);
CREATE TABLE rejected (handle BLOB PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE scans (
  resource TEXT PRIMARY KEY, synced_ms INTEGER NOT NULL, tried_ms INTEGER NOT NULL, failure TEXT NOT NULL,
  good INTEGER NOT NULL, bad INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE notes (resource TEXT NOT NULL, line INTEGER, rule TEXT NOT NULL);
CREATE TABLE tickets (ticket_id BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE certified (
  digest BLOB PRIMARY KEY, body BLOB NOT NULL, signature BLOB NOT NULL, department_key BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE receipts (
  id INTEGER PRIMARY KEY, ticket_digest BLOB NOT NULL UNIQUE, released_ms INTEGER NOT NULL, resource TEXT NOT NULL,
  consumer TEXT NOT NULL, system TEXT NOT NULL, purpose TEXT NOT NULL,
  agreement TEXT NOT NULL, revision INTEGER NOT NULL, session_id BLOB NOT NULL,
  request BLOB NOT NULL, request_signature BLOB NOT NULL, certified BLOB NOT NULL,
  ticket BLOB NOT NULL, ticket_proof BLOB NOT NULL, promise BLOB NOT NULL, promise_proof BLOB NOT NULL,
  disclosure BLOB NOT NULL, receipt BLOB NOT NULL, receipt_proof BLOB NOT NULL, consent BLOB NOT NULL,
  emergency TEXT NOT NULL
);
CREATE TABLE guesses (
  resource TEXT NOT NULL, record TEXT NOT NULL, field TEXT NOT NULL, consumer TEXT NOT NULL, predicate BLOB NOT NULL,
  last_ms INTEGER NOT NULL, PRIMARY KEY (resource, record, field, consumer, predicate)
) WITHOUT ROWID;
CREATE INDEX guesses_by_time ON guesses (last_ms);
CREATE TABLE guess_days (
  resource TEXT NOT NULL, record TEXT NOT NULL, field TEXT NOT NULL, consumer TEXT NOT NULL, day INTEGER NOT NULL,
  taken INTEGER NOT NULL, PRIMARY KEY (resource, record, field, consumer, day)
) WITHOUT ROWID;
CREATE INDEX guess_days_by_day ON guess_days (day);
CREATE INDEX receipts_by_consent ON receipts (consent, released_ms) WHERE consent <> x'';
CREATE INDEX receipts_in_emergencies ON receipts (id) WHERE emergency <> '';
CREATE TABLE consent_texts (digest BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE consents (digest BLOB PRIMARY KEY, standing TEXT NOT NULL, valid_until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE uses (
  agreement TEXT NOT NULL, day INTEGER NOT NULL, taken INTEGER NOT NULL, PRIMARY KEY (agreement, day)
) WITHOUT ROWID;
CREATE TABLE rates (agreement TEXT PRIMARY KEY, next_us INTEGER NOT NULL) WITHOUT ROWID;
"""
