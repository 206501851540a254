"""Rules: what the mock is told to say, and what is to go wrong with it."""
