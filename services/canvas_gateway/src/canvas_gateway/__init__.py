"""Everything that Intercom calls: the panel in the Inbox."""
