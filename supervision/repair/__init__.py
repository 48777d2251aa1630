"""Credit repair: when an adverse record stops being published, shared and used before its time."""
