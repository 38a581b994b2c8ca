"""The events that Proactive's services and their neighbours exchange."""
