"""Early warnings: risk that rises, dates that fall due, clusters of adverse records."""
