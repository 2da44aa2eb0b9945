from email.utils import parsedate_to_datetime
from io import BytesIO
from time import time

import pytest
from aiohttp import ClientSession, encode_basic_auth

from bulkseg.sandbox import Settings, environment
from tests.integration.sandbox_client import API, sandboxed

CRITERIA = [
    {
        "type": "ContactFieldCriterion",
        "id": "-5",
        "fieldId": "100811",
        "condition": {
            "type": "TextSetCondition",
            "operator": "in",
            "optionListId": "-5",
            "quickListString": "a,b",
        },
    },
    {
        "type": "ContactFieldCriterion",
        "id": "-6",
        "fieldId": 100343,
        "condition": {"type": "TextValueCondition", "operator": "contains", "value": "Cloud"},
    },
]
FILTER = {
    "type": "ContactFilter",
    "id": "-111",
    "scope": "local",
    "criteria": CRITERIA,
    "statement": "-5 AND -6",
}
ELEMENTS = [{"type": "ContactFilterSegmentElement", "id": "-112", "isIncluded": True, "filter": FILTER}]


@pytest.fixture
async def client():
    async with sandboxed() as one:
        yield one


def only_text(value):
    if isinstance(value, dict):
        return all(map(only_text, value.values()))
    return all(map(only_text, value)) if isinstance(value, list) else isinstance(value, str)


# --- Create, get, put, delete ---------------------------------------------------------------------------


async def test_a_create_answers_with_the_whole_segment_in_text(client):
    before = int(time())
    made = await client.create(
        "High value, EMEA", folderId="180344", description="d", elements=ELEMENTS, extra=7
    )
    segment = made.json
    assert made.status == 201
    assert only_text(segment)
    assert (segment["type"], segment["currentStatus"]) == ("ContactSegment", "Active")
    assert (segment["name"], segment["folderId"], segment["description"]) == (
        "High value, EMEA",
        "180344",
        "d",
    )
    assert (segment["createdBy"], segment["updatedBy"], segment["extra"]) == ("12", "12", "7")
    assert before <= int(segment["createdAt"]) <= time()
    assert segment["permissions"] == ["Retrieve", "SetSecurity", "Delete", "Update"]
    (element,) = segment["elements"]
    ids = [part["id"] for part in element["filter"]["criteria"]]
    assert element["isIncluded"] == "true"
    assert element["filter"]["statement"] == " AND ".join(ids)
    assert int(min(ids)) > 0


async def test_a_segment_can_be_got_at_once_at_each_depth(client):
    made = await client.create("Gold", description="d", elements=ELEMENTS)
    path = f"/segment/{made.json['id']}"
    whole = await client.get(path)
    partial = await client.get(path, depth="partial")
    minimal = await client.get(path, depth="minimal")
    assert whole.json == made.json
    assert made.json.keys() - partial.json.keys() == {"elements"}
    assert made.json.keys() - minimal.json.keys() == {"elements", "description"}
    assert minimal.json["depth"] == "minimal"


async def test_what_has_no_value_is_left_out_of_the_answer(client):
    made = await client.create("Gold", description="", elements=[], other=None, another="")
    assert not {"description", "elements", "other", "another"} & made.json.keys()


async def test_ids_increase(client):
    ids = [int((await client.create("Gold")).json["id"]) for _ in range(3)]
    assert ids == sorted(set(ids))


async def test_a_put_blanks_what_it_leaves_out(client):
    made = (await client.create("Gold", description="d", folderId="5", elements=ELEMENTS)).json
    put = await client.ask("PUT", f"/segment/{made['id']}", json={"name": "Silver"})
    assert put.status == 200
    assert (put.json["name"], put.json["folderId"], put.json["id"]) == ("Silver", "5", made["id"])
    assert not {"description", "elements"} & put.json.keys()
    assert (await client.get(f"/segment/{made['id']}")).json == put.json


async def test_a_put_keeps_the_real_ids_of_parts(client):
    made = (await client.create("Gold", elements=ELEMENTS)).json
    put = await client.ask("PUT", f"/segment/{made['id']}", json=made)
    assert put.json["elements"] == made["elements"]


async def test_a_delete_has_no_body_and_what_is_gone_is_not_found(client):
    path = f"/segment/{(await client.create('Gold')).json['id']}"
    deleted = await client.ask("DELETE", path)
    assert (deleted.status, deleted.json) == (200, None)
    answers = [await client.ask(method, path, json={"name": "x"}) for method in ("GET", "PUT", "DELETE")]
    assert [answer.status for answer in answers] == [404, 404, 404]


# --- Copy -----------------------------------------------------------------------------------------------


async def test_a_copy_has_what_its_body_says_and_the_rest_from_its_source(client):
    source = (await client.create("Gold", description="d", folderId="5", elements=ELEMENTS, extra="x")).json
    copied = await client.post(f"/segment/{source['id']}/copy", name="Gold 2")
    assert copied.status == 201
    assert copied.json["name"] == "Gold 2"
    assert [copied.json[key] for key in ("description", "folderId", "extra")] == ["d", "5", "x"]
    assert copied.json["id"] != source["id"]
    assert copied.json["elements"][0]["id"] != source["elements"][0]["id"]
    assert copied.json["elements"][0]["filter"]["criteria"][0]["fieldId"] == "100811"


@pytest.mark.parametrize("source", ["sandwich", "-1", "0", "1.5", "1" * 30])
async def test_a_copy_whose_source_is_no_id_is_refused(client, source):
    refused = await client.post(f"/segment/{source}/copy", name="x")
    error = {"type": "EndpointParameterError", "parameter": "id", "value": source}
    assert (refused.status, refused.json) == (400, [{**error, "requirement": {"type": "IdRequirement"}}])


async def test_a_copy_of_nothing_is_not_found(client):
    assert (await client.post("/segment/404404/copy", name="x")).status == 404


# --- Errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "property_name", "requirement"),
    [
        ({}, "name", "NotNullRequirement"),
        ({"name": ""}, "name", "NotNullRequirement"),
        ({"name": None}, "name", "NotNullRequirement"),
        ({"name": {}}, "name", "SyntaxRequirement"),
        ({"name": "x", "description": ["y"]}, "description", "SyntaxRequirement"),
        ({"name": "x", "folderId": "Marketing"}, "folderId", "IdRequirement"),
        ({"name": "x", "elements": [{"isIncluded": "maybe"}]}, "isIncluded", "BooleanRequirement"),
        (
            {"name": "x", "elements": [{"filter": {"criteria": CRITERIA, "statement": "-5 OR -7"}}]},
            "statement",
            "RelationshipRequirement",
        ),
    ],
)
async def test_a_body_that_is_wrong_is_refused_in_eloquas_form(client, body, property_name, requirement):
    refused = await client.post("/segment", **body)
    (error,) = refused.json
    assert refused.status == 400
    assert (error["type"], error["property"]) == ("ObjectValidationError", property_name)
    assert error["requirement"] == {"type": requirement}
    assert error["container"].keys() == {"type", "objectType", "objectId"}
    assert client.sandbox.store.count() == 0


async def test_all_that_is_wrong_is_told_at_once(client):
    refused = await client.post("/segment", folderId="x", elements="y")
    assert [error["property"] for error in refused.json] == ["name", "folderId", "elements"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused_with_a_bare_object(client, body):
    headers = {"Content-Type": "application/json"}
    refused = await client.ask("POST", "/segment", data=body, headers=headers)
    assert (refused.status, type(refused.json)) == (400, dict)


async def test_a_body_of_another_type_is_refused(client):
    refused = await client.ask("POST", "/segment", data=b"{}", headers={"Content-Type": "text/plain"})
    assert refused.status == 415


async def test_a_body_that_is_too_large_is_refused(client):
    body = BytesIO(b'{"name": "%s"}' % (b"x" * 2_000_000))
    refused = await client.ask("POST", "/segment", data=body, headers={"Content-Type": "application/json"})
    assert refused.status == 413


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/segment/1"), ("GET", "/nothing"), ("POST", "/segments")]
)
async def test_what_is_not_there_is_not_found(client, method, path):
    assert (await client.ask(method, path)).status == 404


# --- Lists ----------------------------------------------------------------------------------------------


async def test_a_list_has_real_numbers_for_its_pages_and_text_for_all_else(client):
    for number in range(5):
        client.sandbox.store.add(f"s{number}")
    got = await client.get("/segments", page=2, count=2, orderBy="id DESC")
    assert got.status == 200
    assert {key: value for key, value in got.json.items() if key != "elements"} == {
        "page": 2,
        "pageSize": 2,
        "total": 5,
    }
    assert [element["name"] for element in got.json["elements"]] == ["s2", "s1"]
    assert only_text(got.json["elements"])
    assert got.json["elements"][0]["depth"] == "minimal"


async def test_pages_of_a_thousand_cover_everything_once(client):
    for number in range(1003):
        client.sandbox.store.add(f"s{number}")
    pages = [await client.names(page=page) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [1000, 3, 0]
    assert len({name for page in pages for name in page}) == 1003


async def test_a_search_takes_doubled_quotes_and_wildcards(client):
    for name in ("O'Brien", "O'Brien 2", "Gold"):
        await client.create(name)
    assert await client.names(search="name='O''Brien'") == ["O'Brien"]
    assert await client.names(search="name='O''Brien*'", orderBy="name DESC") == ["O'Brien 2", "O'Brien"]


async def test_a_list_shows_the_elements_when_asked_for_all(client):
    made = (await client.create("Gold", elements=ELEMENTS)).json
    got = await client.get("/segments", depth="complete")
    assert got.json["elements"] == [made]


async def test_a_list_is_narrowed_to_what_was_updated_since(client):
    made = (await client.create("Gold")).json
    assert await client.names(lastUpdatedAt=made["updatedAt"]) == ["Gold"]
    assert await client.names(lastUpdatedAt=int(made["updatedAt"]) + 1) == []


@pytest.mark.parametrize(
    "query",
    [{"page": "-1"}, {"count": "1001"}, {"count": "many"}, {"search": "name='"}, {"orderBy": "colour"}],
)
async def test_a_parameter_that_is_wrong_is_refused(client, query):
    refused = await client.get("/segments", **query)
    ((name, value),) = query.items()
    assert refused.status == 400
    assert refused.json[0]["type"] == "EndpointParameterError"
    assert (refused.json[0]["parameter"], refused.json[0]["value"]) == (name, value)


# --- Folders --------------------------------------------------------------------------------------------


async def test_folders_are_made_in_the_root_or_in_each_other_and_listed(client):
    root = (await client.get("/segment/folder/root")).json
    outer = await client.post("/segment/folder", name="Nightly")
    inner = await client.post("/segment/folder", name="2026", folderId=outer.json["id"])
    assert outer.status == 201
    assert outer.json["type"] == "Folder"
    assert "folderId" not in root
    assert (outer.json["folderId"], inner.json["folderId"]) == (root["id"], outer.json["id"])
    inside = await client.get("/segment/folders", search=f"folderId={outer.json['id']}")
    assert [folder["name"] for folder in inside.json["elements"]] == ["2026"]
    assert (await client.get("/segments")).json["total"] == 0


@pytest.mark.parametrize("body", [{}, {"name": "x", "folderId": "404"}, {"name": "x", "folderId": "y"}])
async def test_a_folder_without_a_name_or_a_place_is_refused(client, body):
    assert (await client.post("/segment/folder", **body)).status == 400


async def test_a_folder_is_no_segment(client):
    folder = (await client.post("/segment/folder", name="Nightly")).json
    assert (await client.get(f"/segment/{folder['id']}")).status == 404


# --- Who may come in ------------------------------------------------------------------------------------


async def test_discovery_says_where_the_api_is_and_who_one_is(client):
    got = (await client.ask("GET", "/ID", whole=True)).json
    assert got["urls"]["base"] == client.sandbox.url
    assert got["urls"]["apis"]["rest"]["standard"] == f"{client.sandbox.url}/API/REST/{{version}}/"
    made = await client.create("Gold")
    assert made.json["createdBy"] == got["user"]["id"]
    assert got["site"] == {"id": "1000", "name": "Sandbox"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": encode_basic_auth("Sandbox\\demo", "wrong")}])
async def test_wrong_credentials_get_a_200_from_discovery_and_a_401_elsewhere(client, headers):
    async with ClientSession(headers=headers) as stranger:
        async with stranger.get(f"{client.sandbox.url}/id") as response:
            assert (response.status, await response.json()) == (200, "Not authenticated.")
        for path in ("/segments", "/segment/1", "/nothing"):
            async with stranger.get(client.sandbox.url + API + path) as response:
                assert response.status == 401
        async with stranger.post(f"{client.sandbox.url}{API}/segment", json={"name": "x"}) as response:
            assert response.status == 401
    assert client.sandbox.store.count() == 0


async def test_paths_are_not_case_sensitive(client):
    made = await client.ask("POST", "/API/rest/2.0/Assets/CONTACT/Segment", whole=True, json={"name": "x"})
    assert made.status == 201


async def test_each_answer_has_an_id_of_its_own_and_a_date(client):
    answers = [await client.create("x"), await client.get("/segments"), await client.get("/nothing")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert all(
        abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time()) < 5 for answer in answers
    )


def test_the_environment_has_all_that_bulkseg_needs():
    assert environment("http://127.0.0.1:1") == {
        "ELOQUA_COMPANY": "Sandbox",
        "ELOQUA_USER": "demo",
        "ELOQUA_PASSWORD": "demo",
        "ELOQUA_LOGIN_URL": "http://127.0.0.1:1",
        "ELOQUA_BASE_URL": "http://127.0.0.1:1",
    }


async def test_a_sandbox_can_be_another_site():
    async with sandboxed(Settings(site_id="2000")) as other:
        assert (await other.ask("GET", "/id", whole=True)).json["site"]["id"] == "2000"
