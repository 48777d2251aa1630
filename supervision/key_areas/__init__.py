"""Enterprises of the key areas, the items that are collected about them, and who owes which."""
