"""The run as a person sees it: a model built from entries, views of it, and its narrator."""
