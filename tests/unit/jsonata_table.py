"""The expressions that transforms are held to: documents, and rows of expression and what it makes."""

import json
from typing import Any, NamedTuple

from places import ROOT

#: What an expression makes when it makes nothing, which is not null.
NOTHING: Any = object()

FLEET = {
    "yard": "Nordhafen",
    "boats": [
        {"name": "Alma", "kind": "tug", "crew": ["Ida", "Ole"], "length": 24.5, "built": 1998, "price": None},
        {
            "name": "Bora",
            "kind": "ferry",
            "crew": ["Per"],
            "length": 61,
            "built": 2011,
            "fees": {"port": 120, "pilot": 80},
        },
        {"name": "Cleo", "kind": "tug", "crew": [], "length": 19, "built": 2011, "fees": {"port": 45}},
    ],
    "one berth": {"number": 7, "tags": ["deep", "north"]},
    "big": 9007199254740993,
    "huge": 123456789012345678901234567890,
    "empty": {},
}
PAGE = {
    "executionId": "e-1",
    "mediaContents": [
        {
            "id": "m-1",
            "runId": "r-1",
            "rawText": "Invoice 4711\nTotal 119,00 EUR",
            "label": {"index": 3, "name": "invoice", "confidence": 0.97},
            "documentPages": [
                {
                    "page": 1,
                    "document": {
                        "entities": [
                            {"id": "a", "label": "number", "confidence": 0.99, "block": {"text": "4711"}},
                            {
                                "id": "b",
                                "label": "total",
                                "confidence": 0.71,
                                "block": {"text": "119,00 EUR"},
                                "data": {"numberValue": 119},
                            },
                            {"id": "c", "confidence": 0.42, "block": {"text": "smudge"}},
                        ]
                    },
                },
                {
                    "page": 2,
                    "document": {
                        "entities": [{"id": "d", "label": "place", "confidence": 0.9, "block": {"text": "Kiel"}}],
                        "tables": [
                            {
                                "id": "t",
                                "rows": [
                                    {"pairs": [{"key": {"label": "item"}, "entityValue": {"block": {"text": "rope"}}}]},
                                    {"pairs": [{"key": {"label": "item"}, "entityValue": {"block": {"text": "oil"}}}]},
                                ],
                            }
                        ],
                    },
                },
            ],
        },
        {"id": "m-2", "runId": "r-2", "rawText": "", "documentPages": []},
    ],
    "documents": [],
}
RECEIPT = json.loads((ROOT / "tests" / "unit" / "observations" / "receipt.json").read_bytes())


class Error(NamedTuple):
    """The expression is refused, with this code."""

    code: str


class Row(NamedTuple):
    """One expression; where an engine makes something else of it than it should, what and why."""

    name: str
    document: Any
    expression: str
    expected: Any
    #: What the fast engine makes of it alone.
    fast: Any = ...
    #: What the exact engine makes of it alone.
    exact: Any = ...
    why: str = ""


PATHS = [
    Row("a field", FLEET, "yard", "Nordhafen"),
    Row("a field of every element", FLEET, "boats.name", ["Alma", "Bora", "Cleo"]),
    Row("a field that only one has is a value", FLEET, "boats.fees.pilot", 80),
    Row("a field that two have is an array", FLEET, "boats.fees.port", [120, 45]),
    Row("arrays kept apart", FLEET, "boats.[crew]", [["Ida", "Ole"], ["Per"], []]),
    Row("one value kept an array", FLEET, "boats.fees.pilot[]", [80]),
    Row("a name in quotes", FLEET, "`one berth`.number", 7),
    Row("a name as a string", FLEET, '"one berth".tags[1]', "north"),
    Row("no such field", FLEET, "boats.mast", NOTHING),
    Row("a null", FLEET, "boats[0].price", None),
    Row("an empty object", FLEET, "empty", {}),
    Row("the whole document", {"a": [1, {"b": None}]}, "$", {"a": [1, {"b": None}]}),
    Row("an array as the document", [1, [2], 3], "$[1]", [2]),
    Row("an index", FLEET, "boats[0].name", "Alma"),
    Row("an index from the end", FLEET, "boats[-1].name", "Cleo"),
    Row("an index past the end", FLEET, "boats[9]", NOTHING),
    Row("a range of indices", FLEET, "boats[[1..2]].name", ["Bora", "Cleo"]),
]
PREDICATES = [
    Row("a predicate", FLEET, "boats[kind='tug'].name", ["Alma", "Cleo"]),
    Row("a predicate that one meets", FLEET, "boats[length > 60].name", "Bora"),
    Row("a predicate that none meets", FLEET, "boats[length > 99].name", NOTHING),
    Row("two predicates", FLEET, "boats[built=2011][kind='tug'].name", "Cleo"),
    Row("in", FLEET, "boats['Per' in crew].name", "Bora"),
    Row("a field that is there", FLEET, "boats[fees].name", ["Bora", "Cleo"]),
    Row("lines below a confidence", PAGE, "**.entities[confidence < 0.8].block.text", ["119,00 EUR", "smudge"]),
    Row("an entity by its label", PAGE, "**[label='total'].data.numberValue", 119),
]
WILDCARDS = [
    Row("every field", FLEET, "boats[1].fees.*", [120, 80]),
    Row("anything below", FLEET, "**.port", [120, 45]),
    Row("texts below", PAGE, "**.block.text", ["4711", "119,00 EUR", "smudge", "Kiel", "rope", "oil"]),
    Row(
        "parents",
        FLEET,
        "boats.fees.{'boat': %.name, 'port': port}",
        [{"boat": "Bora", "port": 120}, {"boat": "Cleo", "port": 45}],
    ),
    Row("positions", FLEET, "boats#$i.($i & name)", ["0Alma", "1Bora", "2Cleo"]),
    Row(
        "a join",
        {"a": [{"k": 1, "x": "p"}, {"k": 2, "x": "q"}], "b": [{"k": 2, "y": "r"}]},
        "a@$a.b@$b[$a.k=$b.k].{'x': $a.x, 'y': $b.y}",
        {"x": "q", "y": "r"},
    ),
]
OBJECTS = [
    Row("an object", FLEET, "{'yard': yard, 'boats': $count(boats)}", {"yard": "Nordhafen", "boats": 3}),
    Row("an object from each", FLEET, "boats.{name: length}", [{"Alma": 24.5}, {"Bora": 61}, {"Cleo": 19}]),
    Row("one object from all", FLEET, "boats{name: length}", {"Alma": 24.5, "Bora": 61, "Cleo": 19}),
    Row("groups", FLEET, "boats{kind: $sum(length)}", {"tug": 43.5, "ferry": 61}),
    Row("groups of arrays", FLEET, "boats{kind: name[]}", {"tug": ["Alma", "Cleo"], "ferry": ["Bora"]}),
    Row("what is not there is left out", FLEET, "{'a': nobody, 'b': boats[0].price}", {"b": None}),
    Row(
        "labels as keys",
        PAGE,
        "**.entities[label]{label: block.text}",
        {"number": "4711", "total": "119,00 EUR", "place": "Kiel"},
    ),
    Row("a changed copy", FLEET, "`one berth` ~> |$|{'number': 8}, 'tags'|", {"number": 8}),
]
NUMBERS = [
    Row("arithmetic", FLEET, "(1 + 2) * 3 - 4 / 8 + 7 % 4", 11.5),
    Row("a whole number has no fraction", FLEET, "2.0 * 3", 6),
    Row("a sum", FLEET, "$sum(boats.length)", 104.5),
    Row("the largest", FLEET, "$max(boats.length)", 61),
    Row("the average", FLEET, "$average([1, 2, 3, 6])", 3),
    Row("a count", FLEET, "$count(boats.crew)", 3),
    Row("rounded to the even", FLEET, "[$round(2.5), $round(3.5), $round(1.005, 2)]", [2, 4, 1]),
    Row(
        "floor, ceiling, absolute, power, root",
        FLEET,
        "[$floor(-1.5), $ceil(1.2), $abs(-3), $power(2, 10), $sqrt(81)]",
        [-2, 2, 3, 1024, 9],
    ),
    Row("a number from text", FLEET, "$number($replace('1.234,50', '.', '') ~> $replace(',', '.'))", 1234.5),
    Row("a number as text", FLEET, "$formatNumber(1234.5, '#,##0.00')", "1,234.50"),
    Row("a range", FLEET, "[1..5]", [1, 2, 3, 4, 5]),
    Row(
        "a whole number past 2^53", FLEET, "big", 9007199254740993, fast=9007199254740992, why="its numbers are doubles"
    ),
    Row(
        "a whole number of any size",
        FLEET,
        "[huge, 1]",
        [123456789012345678901234567890, 1],
        fast=[1.2345678901234568e29, 1],
        why="its numbers are doubles",
    ),
]
TEXT = [
    Row("joined with &", FLEET, "yard & ' ' & 7 & nobody & true", "Nordhafen 7true"),
    Row("joined with a separator", FLEET, "$join(boats.name, ', ')", "Alma, Bora, Cleo"),
    Row("split", FLEET, "$split('a-b-c', '-')", ["a", "b", "c"]),
    Row("split by an expression", FLEET, "$split('a1b22c', /[0-9]+/)", ["a", "b", "c"]),
    Row("upper and lower", FLEET, "$uppercase(yard) & $lowercase(yard)", "NORDHAFENnordhafen"),
    Row("characters, not bytes", {"t": "Größe 😀"}, "$length(t)", 7),
    Row("a part", FLEET, "$substring(yard, 4)", "hafen"),
    Row("trimmed", FLEET, "$trim('  a \\n b ')", "a b"),
    Row("as JSON", FLEET, "$string({'a': [1, 'x', null]})", '{"a":[1,"x",null]}'),
    Row("base64", FLEET, "$base64decode($base64encode('boat'))", "boat"),
]
EXPRESSIONS = [
    Row("contains", FLEET, "boats[$contains(name, /^[AB]/)].name", ["Alma", "Bora"]),
    Row(
        "a match with groups",
        FLEET,
        "$match('id 47-11', /([0-9]+)-([0-9]+)/)",
        {"match": "47-11", "index": 3, "groups": ["47", "11"]},
    ),
    Row("no match", FLEET, "$match('abc', /[0-9]/)", NOTHING),
    Row("replaced", FLEET, "$replace('2025-05-16', /(\\d+)-(\\d+)-(\\d+)/, '$3.$2.$1')", "16.05.2025"),
    Row(
        "replaced by a function",
        FLEET,
        "$replace('a1', /[0-9]/, function($m) { $string($number($m.match) + 1) })",
        "a2",
    ),
    Row(
        "a total found in a text",
        PAGE,
        "$number($replace($match(mediaContents[0].rawText, /Total ([0-9,.]+)/).groups[0], ',', '.'))",
        119,
    ),
    Row(
        "what stands before",
        FLEET,
        "$replace('7 EUR', /[0-9]+(?= EUR)/, 'x')",
        "x EUR",
        fast=Error("regex"),
        why="its expressions have no look-around",
    ),
    Row(
        "a repeated group",
        FLEET,
        "$contains('abab', /^(ab)\\1$/)",
        True,
        fast=Error("regex"),
        why="its expressions have no back-references",
    ),
]
FUNCTIONS = [
    Row("map", FLEET, "$map(boats, function($b, $i) { $b.name & $i })", ["Alma0", "Bora1", "Cleo2"]),
    Row("filter", FLEET, "$filter(boats, function($b) { $count($b.crew) > 0 }).name", ["Alma", "Bora"]),
    Row("reduce", FLEET, "$reduce([1..5], function($a, $b) { $a * $b })", 120),
    Row("single", FLEET, "$single(boats, function($b) { $b.name = 'Bora' }).length", 61),
    Row("a closure", FLEET, "($add := function($n) { function($x) { $x + $n } }; $add(3)(4))", 7),
    Row("recursion", FLEET, "($f := function($n) { $n = 0 ? 1 : $n * $f($n - 1) }; $f(10))", 3628800),
    Row("deep recursion", FLEET, "($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(400))", 400),
    Row("a partial application", FLEET, "($first := $substring(?, 0, ?); $first(yard, 4))", "Nord"),
    Row("a chain", FLEET, "boats.name ~> $join('/') ~> $lowercase", "alma/bora/cleo"),
    Row(
        "sorted by a function",
        FLEET,
        "$sort(boats, function($a, $b) { $a.length > $b.length }).name",
        ["Cleo", "Alma", "Bora"],
    ),
    Row("ordered", FLEET, "boats^(built, >name).name", ["Alma", "Cleo", "Bora"]),
    Row("distinct", FLEET, "$distinct(boats.kind)", ["tug", "ferry"]),
    Row("looked up", FLEET, "$lookup(boats[1].fees, 'pilot')", 80),
    Row("spread", FLEET, "$spread(boats[1].fees)", [{"port": 120}, {"pilot": 80}]),
    Row("merged", FLEET, "$merge([{'a': 1}, {'b': 2}, {'a': 3}])", {"a": 3, "b": 2}),
    Row("sifted", FLEET, "$sift(boats[1].fees, function($v) { $v > 100 })", {"port": 120}),
    Row("each", FLEET, "$each(boats[1].fees, function($v, $k) { $k & '=' & $v })", ["port=120", "pilot=80"]),
    Row(
        "types",
        FLEET,
        "[$type(1), $type('a'), $type(null), $type([]), $type({}), $type(true)]",
        ["number", "string", "null", "array", "object", "boolean"],
    ),
    Row(
        "conditions",
        FLEET,
        "boats.(length > 50 ? 'long' : length > 20 ? 'middling' : 'short')",
        ["middling", "long", "short"],
    ),
    Row("a fallback", FLEET, "nobody ?? 'none'", "none"),
    Row("equality goes deep", FLEET, "[{'a': [1]} = {'a': [1]}, [1] = [2], null = nobody]", [True, False, False]),
]
TIMES = [
    Row("milliseconds of a time", FLEET, "$toMillis('2025-05-16T09:42:00.000Z')", 1747388520000),
    Row("milliseconds by a picture", FLEET, "$toMillis('16.05.2025', '[D01].[M01].[Y0001]')", 1747353600000),
    Row("a time", FLEET, "$fromMillis(1747388520000)", "2025-05-16T09:42:00.000Z"),
    Row(
        "a time by a picture",
        FLEET,
        "$fromMillis(1747388520000, '[D1o] [MNn] [Y0001], [h]:[m01] [PN]')",
        "16th May 2025, 9:42 AM",
    ),
    Row(
        "a date rewritten",
        FLEET,
        "'28/03/2025' ~> $toMillis('[D01]/[M01]/[Y0001]') ~> $fromMillis('[Y0001]-[M01]-[D01]')",
        "2025-03-28",
    ),
    Row(
        "a time that is none",
        FLEET,
        "$toMillis('yesterday')",
        Error("D3110"),
        exact=Error(""),
        why="an error of Python's own",
    ),
]
ERRORS = [
    Row("a string that does not end", FLEET, "'abc", Error("S0101")),
    Row(
        "an escape that there is not",
        FLEET,
        "'a\\q'",
        Error("S0103"),
        exact=Error("S0301"),
        why="it takes every error in a token for one of an expression",
    ),
    Row(
        "a comment that does not end", FLEET, "1 /* abc", Error("S0106"), exact=Error(""), why="it looks beyond the end"
    ),
    Row("two values in a row", FLEET, "yard yard", Error("S0201")),
    Row("a bracket that does not close", FLEET, "(1 + 2", Error("S0203")),
    Row("an end too early", FLEET, "1 +", Error("S0207")),
    Row("an operator without a left side", FLEET, "] yard", Error("S0211")),
    Row("an assignment to a field", FLEET, "yard := 1", Error("S0212")),
    Row("a parent that there is not", FLEET, "%", Error("S0217")),
    Row("a string plus a number", FLEET, "yard + 1", Error("T2001")),
    Row("a string less than a number", FLEET, "yard < 1", Error("T2009")),
    Row("a wrong argument", FLEET, "$uppercase(1)", Error("T0410")),
    Row("a sum of strings", FLEET, "$sum(boats.name)", Error("T0412")),
    Row("a function that there is not", FLEET, "$nobody(1)", Error("T1006")),
    Row("a key that is no string", FLEET, "{1: 2}", Error("T1003")),
    Row("two keys that are the same", FLEET, "boats.{'a': 1, 'a': 2}", Error("D1009")),
    Row(
        "text that is no number",
        FLEET,
        "$number(yard)",
        Error("D3030"),
        exact=Error(""),
        why="an error of Python's own",
    ),
    Row("the root of a negative number", FLEET, "$sqrt(-1)", Error("D3060")),
    Row(
        "a power out of range",
        FLEET,
        "$power(10, 400)",
        Error("D3061"),
        exact=Error("D1001"),
        why="an error of Python's own",
    ),
    Row("a division by zero", FLEET, "[1 / 0]", Error("D1001"), fast=[None], why="it shows what is no number as null"),
    Row("an error of one's own", FLEET, "$error('stop: ' & yard)", Error("D3137")),
    Row("an assertion", FLEET, "$assert($count(boats) > 5, yard)", Error("D3141")),
    Row("more than one", FLEET, "$single(boats, function($b) { $b.kind = 'tug' })", Error("D3138")),
]
SCANNED = [
    Row("all lines", RECEIPT, "$count(**.entities.block.text)", 19),
    Row(
        "the first line",
        RECEIPT,
        "mediaContents[0].documentPages[0].document.entities[0].block.text",
        "CAFE ALMENRAUSCH",
    ),
    Row("lines that are amounts", RECEIPT, "$round($sum(**.text[$contains($, /^\\d+[.]\\d\\d$/)].$number()), 2)", 56.2),
    Row(
        "the line after another",
        RECEIPT,
        "**.entities#$i[$$.**.entities[$i - 1].block.text = 'TOTAL'].block.text",
        "16.20",
    ),
]
ROWS = [*PATHS, *PREDICATES, *WILDCARDS, *OBJECTS, *NUMBERS, *TEXT, *EXPRESSIONS, *FUNCTIONS, *TIMES, *ERRORS, *SCANNED]
