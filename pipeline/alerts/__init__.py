"""Tells somebody what a run came to: a webhook, a command, or both. No secret gets further than its receiver."""
