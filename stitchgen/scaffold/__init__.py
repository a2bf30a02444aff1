"""`stitchgen init`: a new project of the user's choice, from `templates/project/`."""
