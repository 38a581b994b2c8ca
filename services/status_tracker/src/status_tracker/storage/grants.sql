GRANT USAGE ON SCHEMA tracker TO proactive_status_tracker, proactive_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tracker TO proactive_status_tracker;
REVOKE INSERT, UPDATE, DELETE ON tracker.migration FROM proactive_status_tracker;
GRANT SELECT ON tracker.migration TO proactive_operator;
