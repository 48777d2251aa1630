"""What an enterprise can do to come into a lower tier: lawful, feasible, and checked on the model itself."""
