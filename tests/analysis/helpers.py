"""Run sets whose comparison has something to tell."""

from tests.builders import run, run_set


def seeds(optimizer, losses, *, scores=None, key="steps:200", **changes):
    """Runs of an optimizer with the seeds 0, 1, ...; `scores` gives each run's further scores by name."""
    further = scores or [{}] * len(losses)
    runs = [
        run(seed, milestones={key: loss}, scores={key: more})
        for seed, (loss, more) in enumerate(zip(losses, further, strict=True))
    ]
    return run_set(*runs, optimizer=optimizer, num_seeds=len(losses), **changes)


def spread(mean, count=8):
    """`count` losses around a mean."""
    return [mean + 0.01 * (seed - (count - 1) / 2) for seed in range(count)]
