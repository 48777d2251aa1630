"""Records to features: what is known of an enterprise, and what it was at any past date."""
