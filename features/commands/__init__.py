"""The commands of this room; each module imports what is heavy only when it runs."""
