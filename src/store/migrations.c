/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, step by step: row n brings version n to n+1. Never change a row: append. */
#include "store/internal.h"

#include "base/cleanup.h"

const char *const store_migrations[] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE audits ("
	"  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, kind TEXT, detection TEXT,"
	"  severity TEXT, effect TEXT, container TEXT, container_name TEXT, incident TEXT, count INTEGER NOT NULL,"
	"  record BLOB NOT NULL);"
	"CREATE INDEX audits_time ON audits (time);"
	"CREATE INDEX audits_container ON audits (container, time);"
	"CREATE INDEX audits_detection ON audits (detection, time);"
	"CREATE INDEX audits_incident ON audits (incident, time) WHERE incident IS NOT NULL;"
	"CREATE TABLE incidents ("
	"  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, opened INTEGER NOT NULL, updated INTEGER NOT NULL,"
	"  state TEXT NOT NULL, severity TEXT, container TEXT, record BLOB NOT NULL);"
	"CREATE INDEX incidents_opened ON incidents (opened);"
	"CREATE INDEX incidents_state ON incidents (state, opened);"
	"CREATE TABLE containers ("
	"  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, state TEXT NOT NULL, live INTEGER NOT NULL,"
	"  created INTEGER NOT NULL, seen INTEGER NOT NULL, gone INTEGER, record BLOB NOT NULL);"
	"CREATE INDEX containers_name ON containers (name, created);"
	"CREATE INDEX containers_created ON containers (live, created);"
	"CREATE INDEX containers_gone ON containers (gone) WHERE gone IS NOT NULL;"
	"CREATE TABLE edges ("
	"  container TEXT NOT NULL, process TEXT NOT NULL, direction INTEGER NOT NULL, proto INTEGER NOT NULL,"
	"  address TEXT NOT NULL, port INTEGER NOT NULL, last INTEGER NOT NULL, record BLOB NOT NULL,"
	"  PRIMARY KEY (container, process, direction, proto, address, port)) WITHOUT ROWID;"
	"CREATE INDEX edges_last ON edges (last);"
	"CREATE TABLE policies ("
	"  revision INTEGER PRIMARY KEY, time INTEGER NOT NULL, author TEXT NOT NULL, note TEXT,"
	"  added INTEGER NOT NULL, removed INTEGER NOT NULL, text TEXT NOT NULL);"
	"CREATE TABLE users ("
	"  name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL, generated INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE sessions ("
	"  hash BLOB PRIMARY KEY, user TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE tokens (name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL) WITHOUT ROWID;",
	"CREATE INDEX incidents_container ON incidents (container, state, updated);",
	"CREATE TABLE findings ("
	"  seq INTEGER PRIMARY KEY, host TEXT NOT NULL, id TEXT NOT NULL, time INTEGER NOT NULL, check_id TEXT NOT NULL,"
	"  resource TEXT NOT NULL, passed TEXT NOT NULL, severity TEXT, effect TEXT, container TEXT,"
	"  record BLOB NOT NULL, UNIQUE (host, id));"
	"CREATE INDEX findings_time ON findings (time);"
	"CREATE INDEX findings_resource ON findings (resource, time);"
	"CREATE INDEX findings_container ON findings (container, time) WHERE container IS NOT NULL;",
	/* Commands to an engine by who, what and the verdict; NULL where an audit is of something else. */
	"ALTER TABLE audits ADD COLUMN user TEXT COLLATE NOCASE;"
	"ALTER TABLE audits ADD COLUMN action TEXT COLLATE NOCASE;"
	"ALTER TABLE audits ADD COLUMN verdict TEXT;"
	"UPDATE audits SET user = audit_word(record, 'user'), action = audit_word(record, 'action'),"
	"  verdict = audit_word(record, 'verdict') WHERE kind IN ('access', 'admission');"
	"CREATE INDEX audits_user ON audits (user, time) WHERE user IS NOT NULL;"
	"CREATE INDEX audits_action ON audits (action, time) WHERE action IS NOT NULL;"
	"CREATE INDEX audits_verdict ON audits (verdict, time) WHERE verdict IS NOT NULL;",
};
const uint32_t store_migration_count = ARRAY_SIZE(store_migrations);
