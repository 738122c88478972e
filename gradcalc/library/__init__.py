"""The functions of the package: every command as a function of plain data."""
