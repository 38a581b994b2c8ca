"""From state to components: one file a screen, no I/O. Every function returns the whole screen."""
