"""Endpoints for other systems."""
