"""The routes of a hub, by its OpenAPI document, with what there is in the place of parameters."""

import re


def all_of(document, names):
    """(method, path, query parameters, name of the body's schema or None) of each route. names:
    what stands for the parameters of paths, as {"connector": "shop"}; a place in the page does for
    the path of one, any kind and name for what may ask."""
    names = {"path": "topics", "kind": "token", "name": "t", **names}
    for template, operations in document["paths"].items():
        path = re.sub(r"\{(\w+)\}", lambda found: str(names[found[1]]), template)
        for method, operation in operations.items():
            query = [p["name"] for p in operation["parameters"] if p["in"] == "query"]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            schema = body["schema"]["$ref"].rsplit("/", 1)[-1] if body else None
            yield method.upper(), path, query, schema
