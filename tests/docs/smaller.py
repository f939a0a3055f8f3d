"""Smaller values for what takes long: of the options of commands, and of the arguments of functions."""

OPTIONS = {
    "tune": {"--schedule": "smoke", "--workers": "0"},
    "run": {"--steps": "20", "--seeds": "2"},
    "reproduce": {"--scale": "smoke", "--workers": "0"},
}
ARGUMENTS = {
    "tune": {"schedule": "smoke", "workers": 0},
    "run": {"steps": 20, "seeds": 2},
}
SECONDS = 0.01
MILESTONES = ("10", "15")  # for steps, and for seconds, of which so short a run has hardly any


def smaller_command(words):
    """The same command with the smaller values, in place of its own ones or at its end."""
    words = list(words)
    for name, value in OPTIONS.get(words[1], {}).items():
        if name in words:
            words[words.index(name) + 1] = value
        else:
            words += [name, value]
    if "--seconds" in words:
        words[words.index("--seconds") + 1] = str(SECONDS)
    for index, word in enumerate(words[:-1]):
        if word == "--at":
            words[index + 1] = MILESTONES[words[index + 1].endswith("s")]
    return words


def smaller_function(function, values):
    """The function with the smaller values, whatever it is called with."""

    def call(*arguments, **keywords):
        if "seconds" in keywords:
            keywords["seconds"] = SECONDS
        return function(*arguments, **{**keywords, **values})

    return call
