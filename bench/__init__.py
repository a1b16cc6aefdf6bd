"""Speed and memory, measured on request: `make bench`. Nothing of it is asserted in a test."""
