"""The pages of ideas, and how they are shown."""
