"""Operators: a buffer in, a buffer out, and state that a snapshot can hold."""
