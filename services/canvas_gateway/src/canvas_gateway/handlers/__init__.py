"""One step of the conversation between agent and panel: load, decide, draw."""
