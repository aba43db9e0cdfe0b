"""The way back to the client: RFC 9207's `iss` on every answer, and the callback lies a tester asks for."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Parameters = dict[str, str]


def finished(location: str, issuer_url: str, kind: str) -> str:
    """The callback's address with the issuer named, twisted as the knob `callback` says."""
    parts = urlsplit(location)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True)) | {"iss": issuer_url}
    return urlunsplit(parts._replace(query=urlencode(_twisted(parameters, kind))))


def _twisted(parameters: Parameters, kind: str) -> Parameters:
    if kind == "wrong_state":
        return parameters | {"state": "not-the-state-you-sent"}
    if kind == "wrong_iss":
        return parameters | {"iss": parameters["iss"] + "-other"}
    if kind == "wrong_code":
        return parameters | {"code": "not-the-code-you-were-given"}
    left_out = kind.removeprefix("without_")
    return {name: value for name, value in parameters.items() if name != left_out}
