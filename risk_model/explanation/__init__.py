"""Explanations of scores: contributions, roll-up, words."""
