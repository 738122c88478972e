"""A reader of LaTeX, loaded when there is some."""
