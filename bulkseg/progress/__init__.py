"""What a run shows while it goes on: a display for people, JSON lines for machines, one set of numbers."""
