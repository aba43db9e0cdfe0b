"""The words a provider's file may use, and the kinds of text in it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated


class Form(StrEnum):
    """What a text or number of the file must look like, beyond its type."""

    URL = "url"
    POINTER = "pointer"
    POINTERS = "pointers"
    PATTERN = "pattern"
    SECONDS = "seconds"
    PART = "part"


Url = Annotated[str, Form.URL]  # may hold {variables}
Pointer = Annotated[str, Form.POINTER]  # a JSON pointer (RFC 6901) into an answer
Pointers = Annotated[str, Form.POINTERS]  # one, or several with | between them: the first that is there counts
Pattern = Annotated[str, Form.PATTERN]  # a regular expression
Seconds = Annotated[int, Form.SECONDS]
Part = Annotated[str, Form.PART]  # of an answer: header:<name> or body:<JSON pointer>
Text = Mapping[str, str]


class Kind(StrEnum):
    """How a connection with the provider comes to be."""

    OAUTH2 = "oauth2"
    JWT_BEARER = "jwt_bearer"
    CLIENT_CREDENTIALS = "client_credentials"
    API_KEY = "api_key"
    CUSTOM = "custom"

    @property
    def has_app(self) -> bool:
        """Whether an app of ours stands behind it; of the others only the meaning of their answers is known."""
        return self not in {Kind.API_KEY, Kind.CUSTOM}

    @property
    def is_service(self) -> bool:
        """Whether an admin makes its connections, with a key or our app's own secret, and nobody ever consents."""
        return self in {Kind.JWT_BEARER, Kind.CLIENT_CREDENTIALS}


class VariableScope(StrEnum):
    """Who fills a variable in: the operator once for the app, or each connection for itself."""

    APP = "app"
    CONNECTION = "connection"


class Pkce(StrEnum):
    """The code challenge method (RFC 7636) the provider takes."""

    OFF = "off"
    S256 = "S256"
    PLAIN = "plain"


class Method(StrEnum):
    """HTTP methods a file may name."""

    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"


class Body(StrEnum):
    """Where the parameters of a request travel."""

    FORM = "form"
    JSON = "json"
    QUERY = "query"


class ClientAuth(StrEnum):
    """How our app proves itself (RFC 6749 section 2.3, RFC 7523).

    `none` names the app without proving it, `bearer` shows the access token instead, `anonymous` does neither.
    """

    BASIC = "basic"
    POST = "post"
    NONE = "none"
    PRIVATE_KEY_JWT = "private_key_jwt"
    BEARER = "bearer"
    ANONYMOUS = "anonymous"


class TokenName(StrEnum):
    """Which of a grant's tokens is meant."""

    ACCESS = "access"
    REFRESH = "refresh"


class BearerSource(StrEnum):
    """Which part of the token answer API calls show."""

    ACCESS_TOKEN = "access_token"
    ID_TOKEN = "id_token"


class RefreshMode(StrEnum):
    """How a fresh access token is had without a human."""

    REFRESH_TOKEN = "refresh_token"
    EXCHANGE = "exchange"
    NONE = "none"
    JWT_BEARER = "jwt_bearer"
    CLIENT_CREDENTIALS = "client_credentials"


class Rotation(StrEnum):
    """Whether each refresh replaces the refresh token."""

    STATIC = "static"
    ROTATING = "rotating"
    POLICY = "policy"
    UNKNOWN = "unknown"


class OnMissing(StrEnum):
    """What a refresh without a new refresh token means; an empty one counts as missing."""

    KEEP = "keep"
    FAIL = "fail"


class CountedFrom(StrEnum):
    """Where the refresh token's absolute life begins."""

    FIRST_GRANT = "first_grant"
    ISSUE = "issue"


class HumanClock(StrEnum):
    """The clock whose end needs a human."""

    ACCESS = "access"
    REFRESH_ABSOLUTE = "refresh_absolute"
    REFRESH_IDLE = "refresh_idle"
    CONSENT = "consent"
    NONE = "none"


class Recipient(StrEnum):
    """Who is told of an end that concerns the whole app: nobody but the admins can do anything about it."""

    ADMINS = "admins"


class ExpiryUnit(StrEnum):
    """The unit of the lifetimes in an answer."""

    SECONDS = "s"
    MILLISECONDS = "ms"


class IdentitySource(StrEnum):
    """Where the stable name of the login comes from; `key`: whom a service connection's key, or our app, speaks for."""

    ID_TOKEN = "id_token"
    TOKEN = "token"
    USERINFO = "userinfo"
    KEY = "key"


class KeyFormat(StrEnum):
    """What an admin's key file is: a private key, Google's JSON with one in it, or an assertion signed already."""

    PEM = "pem"
    GOOGLE = "google_service_account"
    JWT = "jwt"


class Signing(StrEnum):
    """The algorithms we sign with (RFC 7518 section 3.1)."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"


class ScopeChoice(StrEnum):
    """What a person may untick on the provider's approval page."""

    ALL_OR_NOTHING = "all_or_nothing"
    SUBSET = "subset"
    FIXED_BY_APP = "fixed_by_app"


class AccountChoice(StrEnum):
    """Whether a person picks which accounts to share."""

    NONE = "none"
    SELECTABLE = "selectable"


class RevokeStyle(StrEnum):
    """How a grant is ended at the provider."""

    RFC7009 = "rfc7009"
    CUSTOM = "custom"
    NONE = "none"


class RevokeEnds(StrEnum):
    """What a revocation takes with it."""

    TOKEN = "token"
    GRANT = "grant"
    SESSION = "session"
