"""What ports.py asks for, over HTTP."""
