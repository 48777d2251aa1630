"""What goes in and comes out: strict models, from which the OpenAPI document is made."""
