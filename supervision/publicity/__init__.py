"""What may be told to the public, about whom, for how long; and the site and data package that tell it."""
