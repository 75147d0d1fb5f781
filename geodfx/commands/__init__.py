"""One module a command: `add_to` says what it takes, and the function it sets as `run` does it."""
