"""Reports as text: a module a format, what the output can show, and a page of rows with styles."""
