"""The processors that come with the router, one a file: pure functions of messages, and transformers of answers."""
