"""The drawn graph: `layout` makes a scene, `paint` fills it, `Canvas` shows it."""
