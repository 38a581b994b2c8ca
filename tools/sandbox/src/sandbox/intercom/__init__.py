"""A fake of Intercom's REST API, in the shapes of its official OpenAPI description 2.16."""
