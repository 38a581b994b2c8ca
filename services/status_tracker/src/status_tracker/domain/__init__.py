"""What a message's events mean: pure, without I/O, clock or randomness."""
