"""Experiments: the same run many times, each broken elsewhere, each before the judge."""
