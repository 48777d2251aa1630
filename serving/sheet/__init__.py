"""The dossier of an enterprise on one page of paper, which opens to everything on the screen."""
