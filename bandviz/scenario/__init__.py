"""Scenario files: read, checked, and built into a plan that a session can run."""
