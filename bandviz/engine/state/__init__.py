"""State of operators: keyed primitives, backends that snapshot it, and how it is dealt out anew."""
