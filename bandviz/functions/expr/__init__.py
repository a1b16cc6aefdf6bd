"""The expression language: one line of logic over the columns of a row, in a scenario file.

Total by construction: a tree of at most 64 nodes without loops, names or attributes, of which each
is evaluated at most once a row. The same text and row give the same value or the same error on
every machine. What a row does to it (a division by zero, an overflow) is data: it raises
`ExpressionError`, as other user logic raises, and goes the operator's `on_error` way.
"""
