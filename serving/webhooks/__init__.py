"""Messages to other systems, where an administrator has set that they go."""
