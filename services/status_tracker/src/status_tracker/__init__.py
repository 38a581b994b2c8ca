"""Everything that is remembered of messages, and the writer to Intercom."""
