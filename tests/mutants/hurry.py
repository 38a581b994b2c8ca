"""A plugin for pytest: on mutated code the first counterexample is enough, nobody reads the smallest one."""

from hypothesis import Phase, settings

settings.register_profile("hurry", phases=[Phase.explicit, Phase.generate], database=None, deadline=None)
settings.load_profile("hurry")
