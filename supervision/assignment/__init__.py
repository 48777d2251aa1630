"""Who inspects whom: inspectors drawn at random for every enterprise of a plan."""
