"""What user logic may be: named functions with typed parameters, shared by engine and judge.

User functions are the specification, so both sides call the same ones; everything around them
(state, windows, joins) each implements for itself.
"""
