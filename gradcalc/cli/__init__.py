"""The command line as a whole: the application, how it runs and ends, and its commands as data."""
