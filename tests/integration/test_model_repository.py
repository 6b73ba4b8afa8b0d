"""The example ensembles on the real Triton, called as any client calls it."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton_http
from PIL import Image
from tritonclient.utils import InferenceServerException

DOCUMENTS = Path(__file__).parents[2] / "examples" / "documents"
NOT_AN_IMAGE = "decode: the media is not an image this step can read (PNG, JPEG, TIFF, WebP, BMP, GIF)"
ADDED_BY_THE_GATEWAY = {"id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"}


class Pipelines:
    """Calls an ensemble with one file and reads its observation."""

    def __init__(self, address: str) -> None:
        self.client = triton_http.InferenceServerClient(address, network_timeout=120, connection_timeout=120)

    def observe(self, ensemble: str, media: bytes) -> dict:
        image = triton_http.InferInput("IMAGE", [1], "BYTES")
        image.set_data_from_numpy(np.array([media], dtype=np.object_))
        return json.loads(self.client.infer(ensemble, [image]).as_numpy("OBSERVATION")[0])


@pytest.fixture(scope="module", name="pipelines")
def _pipelines(triton: object) -> Iterator[Pipelines]:
    pipelines = Pipelines(triton.http)
    yield pipelines
    pipelines.client.close()


@pytest.fixture(scope="module", name="invoice")
def _invoice(pipelines: Pipelines) -> dict:
    return pipelines.observe("ocr", document("invoice.png"))


def document(name: str) -> bytes:
    return (DOCUMENTS / name).read_bytes()


def invoice_image() -> Image.Image:
    return Image.open(DOCUMENTS / "invoice.png").convert("RGB")


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def entities(observation: dict) -> list[dict]:
    return observation["documentPages"][0]["document"]["entities"]


def test_an_invoice_is_read_line_by_line_in_reading_order(invoice: dict) -> None:
    lines = invoice["rawText"].split("\n")
    assert lines[0] == "Larkfield Instruments Ltd"
    assert {"INVOICE", "Invoice number: INV-2025-0417", "Invoice date: 2025-03-28", "Mossgate Clinic"} <= set(lines)
    row = lines.index("Replacement probe, 2 m cable")
    assert lines[row : row + 4] == ["Replacement probe, 2 m cable", "6", "31.25", "187.50"]
    total = lines.index("Total EUR")
    assert lines[total : total + 2] == ["Total EUR", "863.28"]


def test_every_line_is_an_entity_of_its_own(invoice: dict) -> None:
    assert [entity["block"]["text"] for entity in entities(invoice)] == invoice["rawText"].split("\n")
    assert [entity["id"] for entity in entities(invoice)] == [
        f"entity-{n}" for n in range(1, len(entities(invoice)) + 1)
    ]
    assert all(entity["layoutType"] == "LINE" and 0.5 <= entity["confidence"] <= 1 for entity in entities(invoice))


def test_coordinates_are_fractions_of_the_picture_and_stand_where_the_text_is(invoice: dict) -> None:
    for entity in entities(invoice):
        box = entity["block"]["geometry"]["boundingBox"]
        points = entity["block"]["geometry"]["polygon"]["points"]
        assert 0 <= box["left"] < box["left"] + box["width"] <= 1
        assert 0 <= box["top"] < box["top"] + box["height"] <= 1
        assert len(points) == 4
        assert all(0 <= point["x"] <= 1 and 0 <= point["y"] <= 1 for point in points)
    letterhead = entities(invoice)[0]["block"]["geometry"]["boundingBox"]
    assert letterhead["left"] < 0.1
    assert letterhead["top"] < 0.1


def test_an_observation_leaves_the_gateway_its_own_fields(invoice: dict) -> None:
    assert invoice.keys() == {"documentPages", "metaData", "rawText"}
    assert invoice["metaData"] == {"width": 900, "height": 640}
    assert not ADDED_BY_THE_GATEWAY & invoice.keys()


def test_a_photographed_receipt_is_read(pipelines: Pipelines) -> None:
    lines = pipelines.observe("ocr", document("receipt.jpg"))["rawText"].split("\n")
    assert lines[0] == "CAFE ALMENRAUSCH"
    assert lines[lines.index("TOTAL") + 1] == "16.20"


def test_a_blank_page_is_an_empty_document(pipelines: Pipelines) -> None:
    observation = pipelines.observe("ocr", document("blank.png"))
    assert entities(observation) == []
    assert observation["rawText"] == ""
    assert observation["metaData"] == {"width": 600, "height": 800}


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (6000, 2)])
def test_a_picture_of_any_shape_has_an_answer(pipelines: Pipelines, size: tuple[int, int]) -> None:
    observation = pipelines.observe("ocr", encoded(Image.new("RGB", size, "white")))
    assert observation["metaData"] == {"width": size[0], "height": size[1]}
    assert entities(observation) == []


def test_a_strip_as_high_as_its_text_is_read(pipelines: Pipelines) -> None:
    strip = invoice_image().crop((40, 285, 250, 306))
    assert pipelines.observe("ocr", encoded(strip))["rawText"] == "Digital thermometer T-200"


def test_a_picture_stored_on_its_side_is_read_upright(pipelines: Pipelines, invoice: dict) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encoded(invoice_image().transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif)
    observation = pipelines.observe("ocr", stored)
    assert observation["metaData"] == invoice["metaData"]
    assert observation["rawText"] == invoice["rawText"]


def transparent(image: Image.Image) -> Image.Image:
    """Black ink on nothing."""
    ink = Image.new("RGBA", image.size)
    ink.putalpha(image.convert("L").point(lambda level: 255 - level))
    return ink


def sixteen_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


STORED = {
    "gray": lambda image: encoded(image.convert("L")),
    "sixteen bit gray": lambda image: encoded(sixteen_bit(image)),
    "transparent": lambda image: encoded(transparent(image)),
    "palette": lambda image: encoded(image.quantize(64)),
    "CMYK": lambda image: encoded(image.convert("CMYK"), "JPEG", quality=92),
}


@pytest.mark.parametrize("stored", STORED)
def test_a_page_is_read_alike_however_its_colours_are_stored(pipelines: Pipelines, stored: str) -> None:
    page = invoice_image().crop((0, 0, 900, 235))
    expected = pipelines.observe("ocr", encoded(page))["rawText"]
    assert "Invoice number: INV-2025-0417" in expected
    assert pipelines.observe("ocr", STORED[stored](page))["rawText"] == expected


REFUSED = {
    "text": (b"a secret that is no image", NOT_AN_IMAGE),
    "nothing": (b"", "decode: the media is empty"),
    "half an image": (document("invoice.png")[:30_000], "decode: the image is damaged or cut short"),
    "too many pixels": (
        encoded(Image.new("1", (9000, 9000))),
        "decode: media.limit: the image has more pixels than the 64000000 this step accepts",
    ),
}


@pytest.mark.parametrize("ensemble", ["ocr", "image_stats"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_decoded_is_refused_by_the_step_that_says_why(
    pipelines: Pipelines, ensemble: str, case: str
) -> None:
    media, sentence = REFUSED[case]
    with pytest.raises(InferenceServerException) as refusal:
        pipelines.observe(ensemble, media)
    assert refusal.value.message() == f"in ensemble '{ensemble}', {sentence}"
    assert refusal.value.status() == "400"


@pytest.mark.parametrize("name", ["invoice.png", "receipt.jpg", "blank.png"])
def test_image_stats_are_those_of_numpy(pipelines: Pipelines, name: str) -> None:
    pixels = np.asarray(Image.open(DOCUMENTS / name).convert("RGB"))
    observation = pipelines.observe("image_stats", document(name))
    assert observation.keys() == {"metaData", "imageHash", "colour"}
    assert observation["metaData"] == {"width": pixels.shape[1], "height": pixels.shape[0]}
    assert np.allclose(observation["colour"]["mean"], pixels.reshape(-1, 3).mean(axis=0), atol=1e-3)
    assert np.allclose(observation["colour"]["deviation"], pixels.reshape(-1, 3).std(axis=0), atol=1e-3)
    assert observation["imageHash"] == f"{int(observation['imageHash'], 16):016x}"


def test_pictures_that_look_alike_have_the_same_hash(pipelines: Pipelines) -> None:
    receipt = Image.open(DOCUMENTS / "receipt.jpg")
    recoded = encoded(receipt.resize((1280, 960)), "WEBP", quality=80)
    hashes = {pipelines.observe("image_stats", media)["imageHash"] for media in (document("receipt.jpg"), recoded)}
    assert len(hashes) == 1


@pytest.mark.parametrize("ensemble", ["ocr", "image_stats"])
def test_an_ensemble_carries_its_description_for_the_gateway(pipelines: Pipelines, ensemble: str) -> None:
    parameters = pipelines.client.get_model_config(ensemble)["parameters"]
    assert parameters["gateway.description"]["string_value"].endswith(".")
    assert parameters["gateway.tag"]["string_value"]
