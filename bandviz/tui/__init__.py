"""The terminal: screens, panels, canvas. Only here is textual loaded."""
