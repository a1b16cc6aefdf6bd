"""bandviz: a terminal laboratory in which exactly-once can be seen, and broken."""

__version__ = "0.1.0"
