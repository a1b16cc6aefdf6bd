"""What to say about each kind of fact: one small teller an event, in one module a family."""
