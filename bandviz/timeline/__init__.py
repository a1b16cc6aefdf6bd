"""Going back and forth in a run: entries by index, and the model as of any of them."""
