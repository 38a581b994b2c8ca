-- What is known of people at a sender, beside the messages to them: how a panel knows whom it can reach.
CREATE TABLE dispatch.recipient (
    workspace_id  text NOT NULL,
    recipient     text NOT NULL, -- as requests spell it: E.164, or a provider's own address
    channel_id    uuid NOT NULL,
    seen_at       timestamptz,   -- the newest message from them
    opted_out_at  timestamptz,   -- the newest message that the provider refused because they had opted out
    provider_code text,          -- that it said so with
    opted_in_at   timestamptz,   -- the newest message of theirs that lifts it
    PRIMARY KEY (workspace_id, recipient, channel_id)
);
