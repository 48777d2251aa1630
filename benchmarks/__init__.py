"""Measurements of what the product promises, beside the packages that people would use instead."""
