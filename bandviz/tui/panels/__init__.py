"""Regions of the screen as pure functions: views in, lines of styled text out.

Nothing here knows Textual, a model or a clock; a panel given the same values draws the same text.
"""
