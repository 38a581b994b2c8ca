-- Who is connected. Written by proactivectl and canvas_gateway; other services read the columns that they need.

CREATE TABLE directory.workspace (
    id               text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name             text NOT NULL CHECK (name <> ''),
    region           text NOT NULL CHECK (region IN ('us', 'eu', 'au')),
    time_zone        text NOT NULL,
    default_admin_id text,
    open_new_read    boolean NOT NULL,
    open_new_assign  boolean NOT NULL,
    sealed_token     text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN directory.workspace.sealed_token IS 'Intercom token, encrypted and bound to this row';

CREATE TABLE directory.channel (
    id                 uuid PRIMARY KEY,
    workspace_id       text NOT NULL REFERENCES directory.workspace (id),
    name               text NOT NULL CHECK (name <> ''),
    channel            text NOT NULL,
    provider           text NOT NULL,
    sender             text NOT NULL,
    settings           jsonb NOT NULL,
    enabled            boolean NOT NULL,
    sealed_credentials text NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, name)
);

COMMENT ON COLUMN directory.channel.sealed_credentials IS 'JSON object, encrypted and bound to this row';

CREATE TABLE directory.listener (
    name         text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    workspace_id text REFERENCES directory.workspace (id),
    created_at   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN directory.listener.workspace_id IS 'NULL: the status events of every workspace';
