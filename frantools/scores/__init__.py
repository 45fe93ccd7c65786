"""How close pictures are, how sure that is, and where they differ."""
