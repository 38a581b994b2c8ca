-- How long texts and numbers are kept, and whom nothing is kept of.
ALTER TABLE directory.workspace
    ADD COLUMN keep_text_days   integer NOT NULL DEFAULT 30 CHECK (keep_text_days BETWEEN 1 AND 3650),
    ADD COLUMN keep_rest_months integer NOT NULL DEFAULT 13 CHECK (keep_rest_months BETWEEN 2 AND 120),
    ADD CONSTRAINT workspace_text_goes_first CHECK (keep_text_days <= keep_rest_months * 28);

COMMENT ON COLUMN directory.workspace.keep_rest_months IS
    'numbers, names and what became of messages; never less than an id must be known to be taken once (37 days)';

CREATE TABLE directory.erasure (
    workspace_id text        NOT NULL,
    person       text        NOT NULL,
    erased_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, person)
);
CREATE INDEX erasure_by_time ON directory.erasure (workspace_id, erased_at);

COMMENT ON COLUMN directory.erasure.person IS
    'HMAC-SHA256 of the number: two rows a person, one by a key for workspaces, one by a key for channels';
