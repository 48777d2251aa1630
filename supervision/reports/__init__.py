"""The yearly report: what was done and found, by sector and district, and typical cases."""
