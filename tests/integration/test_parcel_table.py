"""The parcels of a fleet, over a real PostgreSQL."""

import os

import psycopg
import pytest
from psycopg.rows import dict_row

from bulkseg.parcel import LIMIT, table

pytestmark = pytest.mark.needs("pg_ctl")


@pytest.fixture
def connection(cluster):
    """Among the tables of a fleet, as far as parcels need them; the rows come as the fleet takes them."""
    with psycopg.connect(cluster.url, row_factory=dict_row) as connection:
        connection.execute("CREATE SCHEMA parcels")
        connection.execute("SET search_path = parcels")
        connection.execute("CREATE TABLE fleet_job (id BIGINT PRIMARY KEY, ended_at TIMESTAMPTZ)")
        for statement in table.TABLE:
            connection.execute(statement)
        connection.execute("INSERT INTO fleet_job VALUES (1), (2), (3)")
        yield connection
        connection.rollback()


def test_the_largest_parcel_comes_back_as_it_was(connection):
    parcel = os.urandom(LIMIT)
    table.put(connection, 1, parcel)
    assert table.get(connection, 1) == parcel
    assert table.get(connection, 2) is None


def test_a_parcel_goes_with_its_job_and_with_its_end(connection):
    for job in (1, 2, 3):
        table.put(connection, job, b"parcel")
    connection.execute("DELETE FROM fleet_job WHERE id = 1")
    connection.execute("UPDATE fleet_job SET ended_at = now() WHERE id = 2")
    assert table.forget_ended(connection) == 1
    assert [table.get(connection, job) for job in (1, 2, 3)] == [None, None, b"parcel"]
