CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS knobs (issuer TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS keys (kid TEXT PRIMARY KEY, issuer TEXT NOT NULL, jwk TEXT NOT NULL, made_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clients (
    issuer TEXT NOT NULL, client_id TEXT NOT NULL, secret_fingerprint TEXT NOT NULL, auth_method TEXT NOT NULL,
    name TEXT NOT NULL, redirect_uris TEXT NOT NULL, PRIMARY KEY (issuer, client_id)
);
CREATE TABLE IF NOT EXISTS logins (
    issuer TEXT NOT NULL, sub TEXT NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    accounts TEXT NOT NULL, is_listed INTEGER NOT NULL, PRIMARY KEY (issuer, sub)
);
CREATE TABLE IF NOT EXISTS codes (
    fingerprint TEXT PRIMARY KEY, issuer TEXT NOT NULL, client_id TEXT NOT NULL, sub TEXT NOT NULL,
    redirect_uri TEXT NOT NULL, scope TEXT NOT NULL, accounts TEXT NOT NULL, nonce TEXT, challenge TEXT NOT NULL,
    signed_in_at TEXT NOT NULL, expires_at TEXT NOT NULL, spent_at TEXT, family TEXT
);
CREATE TABLE IF NOT EXISTS families (
    id TEXT PRIMARY KEY, issuer TEXT NOT NULL, client_id TEXT NOT NULL, sub TEXT NOT NULL, scope TEXT NOT NULL,
    accounts TEXT NOT NULL, consented_at TEXT NOT NULL, ends_at TEXT NOT NULL, ended_at TEXT, ended_because TEXT
);
CREATE INDEX IF NOT EXISTS families_of_a_login ON families (issuer, sub);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    fingerprint TEXT PRIMARY KEY, family TEXT NOT NULL, parent TEXT, used_at TEXT, replaced_at TEXT
);
CREATE INDEX IF NOT EXISTS refresh_tokens_of_a_family ON refresh_tokens (family);
CREATE TABLE IF NOT EXISTS access_tokens (
    fingerprint TEXT PRIMARY KEY, family TEXT NOT NULL, scope TEXT NOT NULL, expires_at TEXT NOT NULL, ended_at TEXT
);
CREATE INDEX IF NOT EXISTS access_tokens_of_a_family ON access_tokens (family);
CREATE TABLE IF NOT EXISTS failures (
    issuer TEXT NOT NULL, operation TEXT NOT NULL, document TEXT NOT NULL, times_left INTEGER,
    PRIMARY KEY (issuer, operation)
);
CREATE TABLE IF NOT EXISTS next_consents (id INTEGER PRIMARY KEY, issuer TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, issuer TEXT NOT NULL, event TEXT NOT NULL,
    outcome TEXT NOT NULL, client_id TEXT, sub TEXT, family TEXT, detail TEXT NOT NULL
);
