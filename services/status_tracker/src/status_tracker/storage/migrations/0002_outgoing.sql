-- Status events that the broker has not confirmed yet; published ones are deleted.
CREATE TABLE tracker.outgoing (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id text NOT NULL,
    channel      text NOT NULL,
    recipient    text NOT NULL,
    event        jsonb NOT NULL,
    lease_until  timestamptz NOT NULL DEFAULT '-infinity',
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outgoing_in_order ON tracker.outgoing (workspace_id, channel, recipient, seq);

-- Notes to write in Intercom; closed ones stay, so that none is written twice.
CREATE TABLE tracker.effect (
    effect_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id    text NOT NULL,
    conversation_id text NOT NULL,
    message_id      uuid NOT NULL,
    kind            text NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    due_at          timestamptz NOT NULL DEFAULT now(),
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',
    attempts        integer NOT NULL DEFAULT 0,
    may_exist       boolean NOT NULL DEFAULT false,
    closed_at       timestamptz,
    outcome         text,
    detail          text,
    UNIQUE (workspace_id, message_id, kind)
);
COMMENT ON COLUMN tracker.effect.may_exist IS 'a write was begun whose end is not known: look for it first';

CREATE INDEX effect_in_order ON tracker.effect (workspace_id, conversation_id, effect_id) WHERE closed_at IS NULL;
CREATE INDEX effect_due ON tracker.effect (due_at) WHERE closed_at IS NULL;
