-- What operators did, one row an act. Rows are added and closed, never changed otherwise.
CREATE TABLE directory.audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text NOT NULL CHECK (who <> ''),
    action   text NOT NULL CHECK (action <> ''),
    subject  text NOT NULL CHECK (subject <> ''),
    detail   jsonb NOT NULL CHECK (jsonb_typeof(detail) = 'object'),
    ended_at timestamptz,
    outcome  text
);
CREATE INDEX audit_by_time ON directory.audit (at DESC, id DESC);

COMMENT ON TABLE directory.audit IS 'Holds ids, names and counts: no texts of messages, no phone numbers';
COMMENT ON COLUMN directory.audit.outcome IS 'NULL: not ended yet, or whoever did it was interrupted';
