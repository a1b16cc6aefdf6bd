"""Event time: watermarks."""
