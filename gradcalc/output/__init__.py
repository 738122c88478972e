"""Reports as text: one module for each format, what the output can show, and a page of rows with styles."""
