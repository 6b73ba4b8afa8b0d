"""The calls of Cambrion's own guide, with only the base URL changed."""

import base64
import json
from io import BytesIO
from pathlib import Path

import requests
from PIL import Image

from e2e.served import Served
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


def test_the_first_call_of_the_guide_answers_with_the_observation(gateway: Served) -> None:
    response = guide_call(f"{gateway.rest}/v1/pipelines/ocr/executeSync", DOCUMENTS / "invoice.png")
    observation = response.json()
    assert "INVOICE" in observation["mediaContents"][0]["rawText"]


def test_the_list_of_pipelines_of_the_guide_is_an_array(gateway: Served) -> None:
    response = requests.request("GET", f"{gateway.rest}/v1/pipelines", headers=HEADERS, timeout=60)
    assert {each["pipelineId"] for each in response.json()} == {"image_stats", "ocr"}


def test_calling_a_pipeline_directly_with_the_same_data_gives_the_same_result(gateway: Served) -> None:
    url = f"{gateway.rest}/v1/pipelines/ocr/executeSync"
    first, second = (guide_call(url, DOCUMENTS / "receipt.jpg").json()["mediaContents"] for _ in range(2))
    found = [{key: entry[key] for key in ("documentPages", "metaData", "rawText")} for entry in (*first, *second)]
    assert len(found) == 2
    assert found[0] == found[1]
