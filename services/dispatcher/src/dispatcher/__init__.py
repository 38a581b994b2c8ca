"""Everything that speaks with providers, both ways: a worker per channel, and the webhooks that providers call."""
