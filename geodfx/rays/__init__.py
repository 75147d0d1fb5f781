"""One ray at a time: where it meets a convex stone, and what light does at its border."""
