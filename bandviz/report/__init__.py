"""Runs without a screen: text for people and logs, JSON for programs."""
