"""Starts brokers, databases and services for `make run`, `make demo` and the tests."""
