"""Sinks: operators whose output lies outside the job."""
