"""All of it, to people and to other systems."""
