"""The calls of Cambrion's own guide, with only the base URL changed."""

import base64
import json
from io import BytesIO
from pathlib import Path

import requests
from PIL import Image

from e2e.served import Served, until
from places import DOCUMENTS

CAMBRION_API_KEY = "INSERT_API_KEY"
HEADERS = {"Accept": "application/json", "Content-Type": "application/json", "X-API-Key": CAMBRION_API_KEY}


def guide_call(url: str, path: Path) -> requests.Response:
    """The guide's first call, step by step."""
    image = Image.open(path)
    buffered = BytesIO()
    image.save(buffered, format="PNG")
    img_str = base64.b64encode(buffered.getvalue()).decode()
    payload = json.dumps({"media": [img_str]})
    return requests.request("POST", url, headers=HEADERS, data=payload, timeout=60)


def found(entries: list[dict[str, object]]) -> list[dict[str, object]]:
    """What was found in each media, without the gateway's own fields."""
    own = {"id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"}
    return [{key: value for key, value in entry.items() if key not in own} for entry in entries]


def observation_of(gateway: Served, execution_id: str) -> dict[str, list[dict[str, object]]]:
    """The observation of an execution, as the guide of observations reads it."""
    url = f"{gateway.rest}/v1/executions/{execution_id}/observation"
    response = requests.request("GET", url, headers=HEADERS, timeout=60)
    assert response.status_code == 200, response.text
    body: dict[str, list[dict[str, object]]] = response.json()
    return body


def ended(gateway: Served, execution_id: str) -> bool:
    url = f"{gateway.rest}/v1/executions/{execution_id}"
    return "completedAt" in requests.request("GET", url, headers=HEADERS, timeout=60).json()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_first_call_of_the_guide_answers_with_the_observation(gateway: Served) -> None:
    response = guide_call(f"{gateway.rest}/v1/pipelines/ocr/executeSync", DOCUMENTS / "invoice.png")
    observation = response.json()
    assert "INVOICE" in observation["mediaContents"][0]["rawText"]


def test_results_are_an_observation_a_json_object_or_a_jsonata_transformed_observation(gateway: Served) -> None:
    url = f"{gateway.rest}/v1/pipelines/image_stats/executeSync"
    media = [base64.b64encode((DOCUMENTS / "receipt.jpg").read_bytes()).decode()]
    plain = requests.request("POST", f"{url}/json", headers=HEADERS, data=json.dumps({"media": media}), timeout=60)
    assert isinstance(plain.json(), dict)
    payload = json.dumps({"media": media, "transform": "mediaContents.metaData.width"})
    transformed = requests.request("POST", f"{url}/transform", headers=HEADERS, data=payload, timeout=60)
    assert transformed.json() == 640


def test_the_list_of_pipelines_of_the_guide_is_an_array(gateway: Served) -> None:
    response = requests.request("GET", f"{gateway.rest}/v1/pipelines", headers=HEADERS, timeout=60)
    pipelines = response.json()
    assert {each["pipelineId"] for each in pipelines} == {"image_stats", "image_thumbnail", "ocr"}


def test_the_results_of_any_additional_call_are_appended_to_the_observation(gateway: Served) -> None:
    url = f"{gateway.rest}/v1/executions"
    execution_id = requests.request("POST", url, headers=HEADERS, data="{}", timeout=60).json()["executionId"]
    img_str = base64.b64encode((DOCUMENTS / "receipt.jpg").read_bytes()).decode()
    payload = json.dumps({"executionId": execution_id, "media": [img_str]})
    answers = []
    for pipeline in ("image_stats", "image_stats", "ocr"):
        url = f"{gateway.rest}/v1/pipelines/{pipeline}/executeSync"
        answers += requests.request("POST", url, headers=HEADERS, data=payload, timeout=60).json()["mediaContents"]
    assert len(answers) == 3
    assert observation_of(gateway, execution_id)["mediaContents"] == answers


def test_calling_a_pipeline_directly_with_the_same_data_gives_the_same_result(gateway: Served) -> None:
    url = f"{gateway.rest}/v1/pipelines/ocr/executeSync"
    first, second = (guide_call(url, DOCUMENTS / "receipt.jpg").json()["mediaContents"] for _ in range(2))
    assert len(first) == 1
    assert found(first) == found(second)


def test_the_uploaded_media_are_not_persisted_when_calling_the_pipeline_directly(gateway: Served) -> None:
    before = files(gateway.data_dir / "blobs")
    url = f"{gateway.rest}/v1/pipelines/image_stats"
    name = guide_call(f"{url}/executeSync", DOCUMENTS / "receipt.jpg").json()["executionId"]
    background = guide_call(f"{url}/executeAsync", DOCUMENTS / "receipt.jpg").json()["executionId"]
    until(lambda: ended(gateway, background), 60)
    until(lambda: files(gateway.data_dir / "blobs") == before, 10)
    for execution_id in (name, background):
        media = f"{gateway.rest}/v1/executions/{execution_id}/observation/media"
        assert requests.request("GET", media, headers=HEADERS, timeout=60).json() == []
        assert requests.request("GET", f"{media}/media-1", headers=HEADERS, timeout=60).status_code == 404


def test_an_asynchronous_call_responds_with_the_execution_which_gives_the_observation_once_finished(
    gateway: Served,
) -> None:
    response = guide_call(f"{gateway.rest}/v1/pipelines/ocr/executeAsync", DOCUMENTS / "invoice.png")
    execution = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/runs/{execution['runId']}"
    until(lambda: ended(gateway, execution["executionId"]), 60)
    (entry,) = observation_of(gateway, execution["executionId"])["mediaContents"]
    assert "INVOICE" in str(entry["rawText"])
    direct = guide_call(f"{gateway.rest}/v1/pipelines/ocr/executeSync", DOCUMENTS / "invoice.png").json()
    assert found([entry]) == found(direct["mediaContents"])


def test_the_execution_is_created_automatically_if_no_execution_id_is_given(gateway: Served) -> None:
    names = []
    for call in ("executeSync", "executeAsync"):
        response = guide_call(f"{gateway.rest}/v1/pipelines/image_stats/{call}", DOCUMENTS / "receipt.jpg")
        names.append(response.json()["executionId"])
        url = f"{gateway.rest}/v1/executions/{names[-1]}"
        assert requests.request("GET", url, headers=HEADERS, timeout=60).json()["executionId"] == names[-1]
    assert names[0] != names[1]
    until(lambda: ended(gateway, names[1]), 60)


def test_an_execution_that_is_named_is_the_one_that_a_call_in_the_background_runs_on(gateway: Served) -> None:
    url = f"{gateway.rest}/v1/executions"
    name = requests.request("POST", url, headers=HEADERS, data="{}", timeout=60).json()["executionId"]
    img_str = base64.b64encode((DOCUMENTS / "receipt.jpg").read_bytes()).decode()
    payload = json.dumps({"executionId": name, "media": [img_str]})
    url = f"{gateway.rest}/v1/pipelines/image_stats/executeAsync"
    assert requests.request("POST", url, headers=HEADERS, data=payload, timeout=60).json()["executionId"] == name
    until(lambda: ended(gateway, name), 60)
    assert len(observation_of(gateway, name)["mediaContents"]) == 1


def test_an_observation_is_read_by_post_without_a_body_as_the_guides_do(gateway: Served) -> None:
    direct = guide_call(f"{gateway.rest}/v1/pipelines/image_stats/executeSync", DOCUMENTS / "receipt.jpg").json()
    url = f"{gateway.rest}/v1/executions/{direct['executionId']}/observation"
    assert requests.request("POST", url, headers=HEADERS, timeout=60).json() == direct
    read = requests.request("GET", f"{url}/json", headers=HEADERS, timeout=60)
    assert requests.request("POST", f"{url}/json", headers=HEADERS, timeout=60).content == read.content
    expression = "**[imageHash].metaData.width"
    made = requests.request("POST", f"{url}/transform", headers=HEADERS, data=expression, timeout=60)
    assert made.json() == 640
