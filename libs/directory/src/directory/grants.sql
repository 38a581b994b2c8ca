-- The gateway connects workspaces by itself; credentials of channels are not its business.
GRANT USAGE ON SCHEMA directory
    TO proactive_canvas_gateway, proactive_dispatcher, proactive_status_tracker, proactive_operator;
GRANT SELECT, INSERT, UPDATE ON directory.workspace TO proactive_canvas_gateway;
GRANT SELECT, INSERT, DELETE ON directory.install TO proactive_canvas_gateway;
GRANT SELECT (id, workspace_id, name, channel, provider, sender, settings, enabled)
    ON directory.channel TO proactive_canvas_gateway;

-- Tokens of workspaces are not the dispatcher's.
GRANT SELECT ON directory.channel, directory.erasure TO proactive_dispatcher;
GRANT SELECT (id, keep_text_days, keep_rest_months) ON directory.workspace TO proactive_dispatcher;

GRANT SELECT ON directory.workspace, directory.erasure TO proactive_status_tracker;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA directory TO proactive_operator;
REVOKE INSERT, UPDATE, DELETE ON directory.migration FROM proactive_operator;
-- Who did what stays as it was written; how it ended is added.
REVOKE UPDATE, DELETE ON directory.audit FROM proactive_operator;
GRANT UPDATE (ended_at, outcome) ON directory.audit TO proactive_operator;
