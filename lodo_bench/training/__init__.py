"""Training a population on a task: the loop, its clock, recorder and checkpoints."""
