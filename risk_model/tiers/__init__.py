"""Cuts between tiers that rest on more than shares, and decisions of persons that override a tier."""
