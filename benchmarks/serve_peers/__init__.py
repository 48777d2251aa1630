"""What the service is measured against: an empty endpoint, and FastAPI doing the same work."""
