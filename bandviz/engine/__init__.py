"""The streaming engine: sans-IO, deterministic, its choices visible.

`Job.choices()` lists the enabled moves, `Job.step(choice)` makes one and returns the entries of
what happened. No clock, file, thread or chance in here: time is virtual, chance is the seed, the
world is behind `bandviz.ports`.
"""
