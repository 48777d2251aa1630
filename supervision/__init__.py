"""Tier to action: measures, and the inspection plan of a month."""
