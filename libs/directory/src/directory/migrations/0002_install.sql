-- Installations that an administrator has begun in a browser; each is good once, for ten minutes.
CREATE TABLE directory.install (
    state_digest   bytea PRIMARY KEY,
    browser_digest bytea NOT NULL,
    expires_at     timestamptz NOT NULL
);
CREATE INDEX install_by_end ON directory.install (expires_at);

COMMENT ON TABLE directory.install IS 'SHA-256 of what travels through the browser: a copy of this table installs nothing';
