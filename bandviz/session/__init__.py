"""One run under control: pacing, script, breakpoints, commands, branches. Wall time enters only
here.
"""
