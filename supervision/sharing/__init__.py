"""What is shared with whom: departments and provinces, partners, the public."""
