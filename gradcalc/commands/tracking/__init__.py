"""What `backward()` does with gradient tracking on, and off in four ways."""
