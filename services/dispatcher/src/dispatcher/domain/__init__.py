"""Pure decisions: no I/O, no clock; the time comes in as an argument."""
