"""Credit commitments: templates, registration, verification, what follows from a broken one."""
