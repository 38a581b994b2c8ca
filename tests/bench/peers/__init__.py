"""
The peers, each doing the small job: consume, POST to the provider, publish the result, a second process writes one row.

None of them claims before it calls, keeps a history or resolves unknown outcomes. Each is set to at-least-once, which
is hardly anybody's default: late acknowledgement, persistent messages, publisher confirms, quorum queues.
"""
