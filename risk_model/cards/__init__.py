"""What a person reads of a model: its card, and pages of figures that need nothing else."""
