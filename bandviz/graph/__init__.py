"""The job as a graph: what was declared, and what it unrolls to."""
