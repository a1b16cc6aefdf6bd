"""Screens: each owns its keys and handlers; what they show comes from panels and canvas."""
