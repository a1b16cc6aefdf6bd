"""The recording: one file that holds a run, to be viewed, judged and run again."""
