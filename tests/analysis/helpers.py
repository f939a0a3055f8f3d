"""Run sets whose comparison has something to tell."""

from tests.builders import at_steps, run, run_set

STEPS_200 = at_steps(200)


def seeds(optimizer, losses, *, scores=None, milestone=STEPS_200, **changes):
    """Runs of an optimizer with the seeds 0, 1, ...; `scores` gives each run's further scores by name."""
    further = scores or [{}] * len(losses)
    runs = [
        run(seed, milestones={milestone: loss}, scores={milestone: more})
        for seed, (loss, more) in enumerate(zip(losses, further, strict=True))
    ]
    return run_set(*runs, optimizer=optimizer, num_seeds=len(losses), **changes)


def spread(mean, count=8):
    """`count` losses around a mean."""
    return [mean + 0.01 * (seed - (count - 1) / 2) for seed in range(count)]
