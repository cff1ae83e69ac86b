"""What holds for all tests."""

from hypothesis import Phase, settings

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("untimed", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=15)
# With a defect planted one failure is enough, and the same examples each time make the same score.
settings.register_profile(
    "planted",
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("untimed")
