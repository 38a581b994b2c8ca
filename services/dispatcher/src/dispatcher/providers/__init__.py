"""One file per provider, each holding both directions: send, and what the provider calls back with."""
