"""What every process needs: its time, its parent, its import path, the files it may open, and torch's import."""
