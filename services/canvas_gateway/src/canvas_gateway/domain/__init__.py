"""What the panel decides: pure, time and ids come in as arguments."""
