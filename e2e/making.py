"""Servers that a test makes as it needs them."""

from contextlib import contextmanager


@contextmanager
def making(make, look=lambda server: None):
    """A function that makes servers. Afterwards all of them are stopped, and then each is looked at."""
    made = []

    def one(*arguments, **options):
        made.append(make(*arguments, **options))
        return made[-1]

    try:
        yield one
    finally:
        for server in made:
            server.stop()
    for server in made:
        look(server)
