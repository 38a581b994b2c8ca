GRANT USAGE ON SCHEMA dispatch TO proactive_dispatcher, proactive_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dispatch TO proactive_dispatcher;
REVOKE INSERT, UPDATE, DELETE ON dispatch.migration FROM proactive_dispatcher;
GRANT SELECT ON dispatch.migration TO proactive_operator;
