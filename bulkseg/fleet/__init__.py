"""A fleet: many sites, many machines, over procrastinate and PostgreSQL. Needs the extra `bulkseg[fleet]`.

A job is a task that is locked by its site: one site is worked on by one process at a time, which keeps its
rate; different sites go side by side. What is to be sent is in the checkpoint, in the same database.
"""

from bulkseg.errors import ConfigError

try:
    import procrastinate  # noqa: F401  # each module takes from it what it needs
    import psycopg  # noqa: F401
except ImportError as missing:
    raise ConfigError("a fleet needs more than the plain install: pip install 'bulkseg[fleet]'") from missing
