"""Provider answers beyond the collected samples: at least one for every rule of the catalog, and the traps beside them.

A row is provider, phase, status, body, and the fault and action it must get.
"""

from typing import Any

Row = tuple[str, str, int, Any, str, str]


def graph(code: int, subcode: int | None = None) -> dict[str, Any]:
    """An error of Facebook's and Instagram's Graph API, its message in a language nobody matches."""
    error = {"message": "Der Vorgang ist fehlgeschlagen", "type": "OAuthException", "code": code}
    return {"error": error if subcode is None else error | {"error_subcode": subcode}}


def google(reason: str) -> dict[str, Any]:
    return {"error": {"code": 403, "message": "No.", "errors": [{"domain": "global", "reason": reason}]}}


def microsoft(word: str, number: int, suberror: str = "") -> dict[str, Any]:
    body = {"error": word, "error_description": f"AADSTS{number}: text.", "error_codes": [number]}
    return body | ({"suberror": suberror} if suberror else {})


def ringcentral(code: str) -> dict[str, Any]:
    return {"errors": [{"errorCode": code, "message": "text"}], "errorCode": code, "message": "text"}


def refused(word: str, description: str = "") -> dict[str, Any]:
    return {"error": word} | ({"error_description": description} if description else {})


def slack(word: str) -> dict[str, Any]:
    return {"ok": False, "error": word}


def tiktok(code: str) -> dict[str, Any]:
    return {"data": {}, "error": {"code": code, "message": "", "log_id": "1"}}


def dropbox(tag: str) -> dict[str, Any]:
    return {"error_summary": f"{tag}/...", "error": {".tag": tag}}


def plaid(kind: str, code: str, **more: str) -> dict[str, Any]:
    return {"error_type": kind, "error_code": code, "error_message": "text", **more}


EXPIRED, REVOKED, RETRY = ("expired", "reconsent"), ("revoked", "reconsent"), ("transient", "retry")
REFRESH, SCOPE, APP = ("expired", "refresh"), ("scope-missing", "add_scope"), ("app-config", "fix_app")
LIMIT, OTHER, DIFF = ("rate-limited", "backoff"), ("not-auth", "none"), ("not-auth", "diff_accounts")
NEW_CONSENT = EXPIRED  # a code that is used, old or wrong: the person starts again, no connection is touched

ROWS: list[tuple[str, str, int, Any, tuple[str, str]]] = [
    # Facebook, Instagram: the code decides, whatever the status
    *[("facebook", "api", 400, graph(190, sub), REVOKED) for sub in (458, 459, 460, 461, 464, 465, 466)],
    *[("facebook", "api", 200, graph(102, sub), EXPIRED) for sub in (463, 467, 468)],
    ("facebook", "userinfo", 500, graph(190), EXPIRED),
    ("facebook", "token", 400, graph(190, 463), EXPIRED),
    ("facebook", "token", 400, graph(1), APP),
    ("facebook", "token", 400, graph(101), APP),
    ("facebook", "token", 500, graph(1), RETRY),
    ("facebook", "userinfo", 400, {"error": {"code": 100, "message": "Invalid appsecret_proof provided"}}, APP),
    ("facebook", "token", 400, graph(2), RETRY),
    ("facebook", "token", 400, graph(100), RETRY),
    ("facebook", "api", 400, graph(100), OTHER),
    ("facebook", "api", 400, graph(506), OTHER),
    *[
        row
        for kind in ("facebook", "instagram")
        for row in (
            (kind, "token", 400, graph(100, 36008), APP),
            (kind, "token", 400, graph(100, 36009), NEW_CONSENT),
            (kind, "api", 400, graph(3), APP),
        )
    ],
    *[("facebook", "api", 403, graph(code), SCOPE) for code in (10, 200, 210, 299)],
    *[("facebook", "api", 400, graph(code), OTHER) for code in (11, 100, 199, 300, 2000)],
    *[("facebook", "api", 400, graph(code), LIMIT) for code in (4, 17, 32, 341, 368, 613, 80000, 80014)],
    ("instagram", "token", 400, graph(190), EXPIRED),
    ("instagram", "api", 400, graph(190, 458), REVOKED),
    ("instagram", "api", 403, graph(10), SCOPE),
    ("instagram", "api", 400, graph(4), LIMIT),
    ("instagram", "api", 400, graph(80002), LIMIT),
    ("instagram", "api", 400, graph(2), RETRY),
    ("instagram", "token", 400, graph(101), APP),
    ("instagram", "token", 400, {"error_type": "OAuthException", "code": 400, "error_message": "Odd"}, RETRY),
    (
        "instagram", "token", 400,
        {"error_type": "OAuthException", "code": 400, "error_message": "This authorization code has been used"},
        NEW_CONSENT,
    ),
    (
        "instagram", "token", 400,
        {"error_type": "OAuthException", "code": 400, "error_message": "Invalid platform app"},
        APP,
    ),
    # Google
    ("google", "token", 400, refused("invalid_grant") | {"error_subtype": "rapt_required"}, EXPIRED),
    ("google", "token", 400, refused("invalid_grant", "reauth related error (invalid_rapt)"), EXPIRED),
    ("google", "token", 400, refused("invalid_grant", "Token has been expired or revoked."), REVOKED),
    ("google", "token", 503, refused("invalid_grant") | {"error_subtype": "invalid_rapt"}, RETRY),
    *[("google", "token", 400, refused(word), RETRY) for word in ("server_error", "temporarily_unavailable")],
    *[("google", "token", 401, refused(word), APP) for word in ("deleted_client", "disabled_client", "invalid_client")],
    ("google", "token", 403, refused("rate_limit_exceeded"), LIMIT),
    *[
        ("google", "api", 403, google(reason), LIMIT)
        for reason in ("rateLimitExceeded", "dailyLimitExceeded", "userRateLimitExceeded", "uploadLimitExceeded")
    ],
    ("google", "api", 403, google("accessNotConfigured"), APP),
    ("google", "api", 401, google("youtubeSignupRequired"), OTHER),
    ("google", "api", 400, google("backendError"), RETRY),
    ("google", "api", 403, google("forbidden"), OTHER),
    (
        "google", "api", 403,
        {"error": {"status": "PERMISSION_DENIED", "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}},
        SCOPE,
    ),
    # LinkedIn: three 401s, told apart by their words
    ("linkedin", "api", 401, {"message": "Invalid access token", "serviceErrorCode": 65600, "status": 401}, REFRESH),
    ("linkedin", "api", 401, {"message": "The token used in the request has expired", "status": 401}, REFRESH),
    ("linkedin", "api", 401, {"message": "The token has been revoked by the user", "status": 401}, REVOKED),
    ("linkedin", "api", 403, {"message": "Not enough permissions to access: me.GET", "status": 403}, SCOPE),
    ("linkedin", "api", 403, {"code": "ACCESS_DENIED", "status": 403}, SCOPE),
    ("linkedin", "api", 403, {"serviceErrorCode": 100, "status": 403}, SCOPE),
    ("linkedin", "api", 404, {"message": "Not found", "status": 404}, OTHER),
    ("linkedin", "introspect", 200, {"active": False, "status": "revoked"}, REVOKED),
    ("linkedin", "introspect", 200, {"active": False, "status": "expired"}, REFRESH),
    ("linkedin", "introspect", 200, {"active": True, "status": "active"}, ("ok", "none")),
    ("linkedin", "token", 400, refused("invalid_request", "authorization code not found"), NEW_CONSENT),
    ("linkedin", "token", 400, refused("invalid_request", "The refresh token is invalid, expired or revoked"), REVOKED),
    ("linkedin", "token", 400, refused("invalid_request", "A required parameter is missing"), APP),
    ("linkedin", "token", 401, refused("invalid_redirect_uri"), APP),
    # Vimeo: no refresh token anywhere
    ("vimeo", "api", 401, {"error": "You must provide a valid authenticated access token."}, EXPIRED),
    ("vimeo", "userinfo", 401, "", EXPIRED),
    ("vimeo", "api", 403, {"error": "No."}, OTHER),
    # TikTok: a code in success and failure alike
    ("tiktok", "userinfo", 200, tiktok("ok"), ("ok", "none")),
    ("tiktok", "api", 200, tiktok("access_token_invalid"), REFRESH),
    ("tiktok", "api", 401, tiktok("scope_permission_missed"), SCOPE),
    ("tiktok", "api", 400, tiktok("rate_limit_exceeded"), LIMIT),
    ("tiktok", "api", 400, tiktok("internal_error"), RETRY),
    ("tiktok", "api", 200, tiktok("invalid_params"), OTHER),
    ("tiktok", "token", 200, refused("invalid_grant", "Refresh token is invalid or expired."), REVOKED),
    ("tiktok", "token", 400, refused("invalid_scope"), SCOPE),
    # X
    ("x", "token", 400, refused("invalid_request", "Value passed for the token was invalid."), REVOKED),
    ("x", "token", 400, refused("invalid_request", "Value passed for the authorization code was odd."), NEW_CONSENT),
    ("x", "token", 400, refused("invalid_request", "Missing required parameter [client_id]."), APP),
    ("x", "token", 401, refused("unauthorized_client", "Missing valid authorization header"), APP),
    ("x", "token", 503, refused("invalid_request", "Value passed for the token was invalid."), RETRY),
    ("x", "api", 403, {"type": "https://api.x.com/2/problems/unsupported-authentication"}, APP),
    ("x", "api", 403, {"type": "https://api.x.com/2/problems/usage-capped"}, LIMIT),
    ("x", "api", 403, {"type": "https://api.x.com/2/problems/not-authorized-for-resource"}, OTHER),
    ("x", "api", 401, {"title": "Unauthorized", "type": "about:blank"}, REFRESH),
    ("x", "api", 403, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, LIMIT),
    ("x", "api", 403, {"errors": [{"code": 89, "message": "Invalid or expired token."}]}, REFRESH),
    ("x", "api", 200, {"data": [{}], "errors": [{"code": 89}]}, ("ok", "none")),
    # Microsoft: words first, numbers where words leave it open
    *[("microsoft", "token", 400, microsoft("invalid_grant", n), EXPIRED) for n in (70008, 700082, 700084, 70043)],
    ("microsoft", "token", 400, microsoft("invalid_grant", 50173), REVOKED),
    ("microsoft", "token", 400, microsoft("invalid_grant", 99999, "bad_token"), REVOKED),
    ("microsoft", "token", 400, microsoft("invalid_grant", 99999, "token_expired"), EXPIRED),
    ("microsoft", "token", 400, microsoft("invalid_grant", 99999, "protection_policy_required"), EXPIRED),
    ("microsoft", "token", 400, microsoft("invalid_grant", 99999, "client_mismatch"), APP),
    ("microsoft", "token", 400, microsoft("invalid_grant", 99999, "consent_required"), SCOPE),
    ("microsoft", "token", 400, microsoft("invalid_grant", 99999), REVOKED),
    ("microsoft", "token", 400, microsoft("invalid_grant", 65001), SCOPE),
    ("microsoft", "token", 400, microsoft("invalid_grant", 70011), SCOPE),
    ("microsoft", "token", 401, microsoft("invalid_client", 7000222), APP),
    ("microsoft", "token", 400, microsoft("invalid_request", 90033), RETRY),
    ("microsoft", "token", 400, microsoft("invalid_grant", 90055), LIMIT),
    ("microsoft", "token", 503, microsoft("invalid_grant", 50173), RETRY),
    ("microsoft", "api", 401, {"error": {"code": "InvalidAuthenticationToken", "message": "ended"}}, REFRESH),
    ("microsoft", "api", 403, {"error": {"code": "Authorization_RequestDenied", "message": "no"}}, SCOPE),
    ("microsoft", "api", 403, {"error": {"code": "accessDenied", "message": "no"}}, OTHER),
    # RingCentral
    *[("ringcentral", "api", 401, ringcentral(code), REFRESH) for code in ("OAU-128", "OAU-129", "OAU-149")],
    *[("ringcentral", "token", 400, {"errorCode": code}, APP) for code in ("OAU-112", "OAU-123", "OAU-125")],
    *[
        ("ringcentral", "token", 400, refused("invalid_grant") | ringcentral(code), REVOKED)
        for code in ("OAU-141", "OAU-142", "OAU-147")
    ],
    ("ringcentral", "token", 400, {"errorCode": "OAU-147"}, REVOKED),
    ("ringcentral", "token", 401, refused("invalid_grant") | ringcentral("OAU-146"), APP),
    ("ringcentral", "token", 403, ringcentral("OAU-108"), NEW_CONSENT),
    *[("ringcentral", "api", 403, {"errorCode": code}, LIMIT) for code in ("CMN-301", "CMN-309", "CMN-310")],
    ("ringcentral", "token", 400, {"errors": [{"errorCode": "CMN-304"}]}, LIMIT),
    ("ringcentral", "api", 404, {"errorCode": "CMN-311"}, OTHER),
    ("ringcentral", "token", 503, ringcentral("OAU-142"), RETRY),
    # Atlassian
    ("atlassian", "token", 403, refused("access_denied", "Unauthorized"), APP),
    ("atlassian", "api", 403, {"code": 403, "message": "Forbidden; scope does not match"}, SCOPE),
    ("atlassian", "api", 401, {"code": 401, "message": "Unauthorized; scope does not match"}, SCOPE),
    # GitHub, both kinds of app
    *[
        (kind, "token", status, refused("bad_refresh_token"), REVOKED)
        for kind in ("github", "github-app")
        for status in (200, 400)
    ],
    *[
        row
        for kind in ("github", "github-app")
        for row in (
            (kind, "token", 200, refused("redirect_uri_mismatch"), APP),
            (kind, "token", 200, refused("bad_verification_code"), NEW_CONSENT),
            (kind, "token", 200, refused("unverified_user_email"), OTHER),
            (kind, "token", 200, "error=incorrect_client_credentials&error_description=No.", APP),
            (kind, "api", 403, {"message": "You have exceeded a secondary rate limit."}, LIMIT),
            (kind, "api", 403, {"message": "Resource not accessible by integration"}, SCOPE),
            (kind, "api", 403, {"message": "Sorry. Your account was suspended"}, REVOKED),
            (kind, "api", 401, {"message": "Requires authentication"}, APP),
            (kind, "api", 403, {"message": "Must have admin rights to Repository."}, OTHER),
        )
    ],
    # GitLab: one word, three texts
    ("gitlab", "api", 401, refused("invalid_token", "Token is expired. You can either do re-authorization."), REFRESH),
    ("gitlab", "api", 401, refused("invalid_token", "Token was revoked. You have to re-authorize."), REVOKED),
    ("gitlab", "api", 401, {"message": "401 Unauthorized"}, REFRESH),
    ("gitlab", "api", 403, refused("insufficient_scope"), SCOPE),
    # Okta
    ("okta", "token", 400, refused("access_denied", "User is not assigned to the client application."), REVOKED),
    ("okta", "token", 400, refused("access_denied", "Policy evaluation failed for this request."), APP),
    ("okta", "token", 400, refused("access_denied", "The requested feature is not enabled."), APP),
    ("okta", "token", 400, refused("access_denied", "All the requested scopes were rejected."), SCOPE),
    ("okta", "token", 400, refused("temporarily_unavailable"), RETRY),
    ("okta", "api", 403, {"errorCode": "E0000047"}, LIMIT),
    ("okta", "api", 403, {"errorCode": "E0000011"}, REFRESH),
    # Auth0
    ("auth0", "token", 403, refused("access_denied", "Unauthorized"), APP),
    ("auth0", "token", 403, refused("mfa_required"), EXPIRED),
    # Akoya
    ("akoya", "token", 400, refused("invalid_request", "Refresh token is invalid or already claimed"), REVOKED),
    ("akoya", "token", 401, refused("unauthorized_client"), APP),
    ("akoya", "api", 403, {"code": 602, "message": "Customer not authorized"}, REFRESH),
    ("akoya", "api", 404, {"code": 701}, DIFF),
    ("akoya", "api", 403, "", OTHER),
    # Salesforce
    ("salesforce", "token", 400, refused("invalid_grant", "inactive user"), REVOKED),
    ("salesforce", "token", 400, refused("inactive_user", "user is inactive"), REVOKED),
    ("salesforce", "jwt", 400, refused("invalid_grant", "Audience validation failed"), APP),
    ("salesforce", "token", 400, refused("invalid_client_id", "client identifier invalid"), APP),
    ("salesforce", "token", 400, refused("rate_limit_exceeded"), LIMIT),
    ("salesforce", "api", 403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}], LIMIT),
    ("salesforce", "api", 403, [{"errorCode": "API_DISABLED_FOR_ORG"}], APP),
    ("salesforce", "api", 403, [{"errorCode": "INVALID_SESSION_ID"}], REFRESH),
    ("salesforce", "api", 400, [{"errorCode": "MALFORMED_QUERY"}], OTHER),
    ("salesforce", "userinfo", 403, "Bad_OAuth_Token", REFRESH),
    # Slack: no inside a 200
    *[
        row
        for kind in ("slack", "slack-bot")
        for row in (
            (kind, "token", 200, slack("invalid_refresh_token"), REVOKED),
            (kind, "api", 200, slack("token_revoked"), REVOKED),
            (kind, "token", 200, slack("token_expired"), EXPIRED),
            (kind, "api", 200, slack("invalid_auth"), REFRESH),
            (kind, "token", 200, slack("bad_client_secret"), APP),
            (kind, "token", 200, slack("invalid_code"), NEW_CONSENT),
            (kind, "api", 200, slack("missing_scope") | {"needed": "chat:write", "provided": "users:read"}, SCOPE),
            (kind, "api", 200, slack("ratelimited"), LIMIT),
            (kind, "api", 200, slack("not_authed"), APP),
            (kind, "token", 200, slack("internal_error"), RETRY),
            (kind, "token", 200, slack("never_heard_of"), RETRY),
            (kind, "api", 503, slack("token_revoked"), RETRY),
            (kind, "api", 200, slack("channel_not_found"), OTHER),
        )
    ],
    # Zoom: numbers, wherever they stand
    *[("zoom", "token", 400, {"reason": "text", "code": code}, APP) for code in (4702, 4704, 4706, 4709, 4717)],
    *[("zoom", "token", 401, {"errorCode": code, "errorMessage": "?"}, REVOKED) for code in (4735, 4737, 4738, 4741)],
    ("zoom", "token", 400, {"reason": "Token revoked (4741)", "error": "invalid_request"}, REVOKED),
    ("zoom", "token", 400, {"reason": "Invalid Token!", "error": "invalid_request"}, REVOKED),
    ("zoom", "token", 400, {"code": 4711}, SCOPE),
    ("zoom", "token", 400, {"code": 4734}, NEW_CONSENT),
    ("zoom", "token", 400, {"code": 4732}, RETRY),
    ("zoom", "api", 400, {"code": 4711, "message": "Invalid access token, does not contain scopes:[user:read]"}, SCOPE),
    ("zoom", "api", 401, {"code": 124, "message": "Invalid access token, does not contain scopes:[user:read]"}, SCOPE),
    ("zoom", "api", 403, {"code": 4711}, SCOPE),
    ("zoom", "api", 403, {"code": 4741}, REVOKED),
    ("zoom", "api", 403, {"code": 4717}, APP),
    ("zoom", "api", 400, {"code": 124, "message": "Invalid access token."}, REFRESH),
    ("zoom", "api", 404, {"code": 3001, "message": "Meeting 4741 does not exist."}, OTHER),
    # Dropbox
    ("dropbox", "api", 401, dropbox("expired_access_token"), REFRESH),
    ("dropbox", "api", 401, dropbox("user_suspended"), REVOKED),
    ("dropbox", "api", 401, dropbox("missing_scope"), SCOPE),
    # HubSpot, old and new shapes
    ("hubspot", "token", 400, {"status": "BAD_REFRESH_TOKEN", "error": "invalid_request"}, REVOKED),
    ("hubspot", "token", 400, {"status": "BAD_CLIENT_SECRET", "message": "text"}, APP),
    ("hubspot", "token", 400, {"status": "BAD_AUTH_CODE", "message": "text"}, NEW_CONSENT),
    ("hubspot", "api", 401, {"status": "error", "category": "EXPIRED_AUTHENTICATION"}, REFRESH),
    ("hubspot", "api", 403, {"status": "error", "category": "MISSING_SCOPES"}, SCOPE),
    # Key connections: only their answers are known
    ("twilio", "api", 401, {"code": 20101}, REFRESH),
    ("google-service", "token", 400, refused("invalid_grant", "Invalid JWT: not in a reasonable timeframe"), APP),
    ("google-service", "token", 400, refused("invalid_grant", "Invalid JWT Signature."), REVOKED),
    ("google-service", "token", 401, refused("unauthorized_client", "Client is unauthorized"), SCOPE),
    ("google-service", "token", 400, refused("internal_failure"), RETRY),
    ("google-service", "api", 403, google("userRateLimitExceeded"), LIMIT),
    ("google-service", "api", 403, google("insufficientPermissions"), SCOPE),
    ("google-service", "api", 403, {"error": {"message": "Request had insufficient authentication scopes."}}, SCOPE),
    ("ringcentral-jwt", "token", 400, ringcentral("CMN-301"), LIMIT),
    ("ringcentral-jwt", "api", 400, {"errorCode": "CMN-310"}, LIMIT),
    ("ringcentral-jwt", "token", 400, ringcentral("OAU-112"), APP),
    ("ringcentral-jwt", "token", 400, ringcentral("OAU-147"), REVOKED),
    ("ringcentral-jwt", "token", 400, refused("invalid_grant"), REVOKED),
    ("ringcentral-jwt", "api", 401, ringcentral("OAU-128"), REFRESH),
    ("ringcentral-jwt", "api", 403, ringcentral("CMN-401"), APP),
    ("salesforce-jwt", "token", 400, refused("invalid_grant", "audience is invalid"), APP),
    ("salesforce-jwt", "token", 400, refused("invalid_grant", "user hasn't approved this consumer"), REVOKED),
    ("salesforce-jwt", "token", 400, refused("invalid_client_id"), REVOKED),
    ("salesforce-jwt", "token", 400, refused("rate_limit_exceeded"), LIMIT),
    ("salesforce-jwt", "api", 401, [{"errorCode": "INVALID_SESSION_ID", "message": "?"}], REFRESH),
    ("salesforce-jwt", "api", 403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "?"}], LIMIT),
    ("salesforce-jwt", "userinfo", 403, "Bad_OAuth_Token", REFRESH),
    ("jwt-bearer", "token", 400, refused("invalid_grant", "signature mismatch"), REVOKED),
    ("twilio", "token", 401, {"code": 20104}, REFRESH),
    ("twilio", "api", 401, {"code": 20157}, APP),
    ("twilio", "api", 401, {"code": 20003}, APP),
    ("twilio", "api", 400, {"code": 20429}, LIMIT),
    ("twilio", "api", 404, {"code": 20404}, OTHER),
    ("plaid", "api", 400, plaid("ITEM_ERROR", "ITEM_LOGIN_REQUIRED", error_code_reason="OAUTH_INVALID_TOKEN"), EXPIRED),
    ("plaid", "api", 400, plaid("ITEM_ERROR", "ITEM_LOGIN_REQUIRED", error_code_reason="OAUTH_USER_REVOKED"), REVOKED),
    ("plaid", "api", 400, plaid("ITEM_ERROR", "USER_PERMISSION_REVOKED"), REVOKED),
    ("plaid", "api", 400, plaid("ITEM_ERROR", "NO_AUTH_ACCOUNTS"), DIFF),
    ("plaid", "api", 400, plaid("INSTITUTION_ERROR", "INSTITUTION_DOWN"), RETRY),
    ("plaid", "api", 400, plaid("ITEM_ERROR", "PRODUCT_NOT_READY"), RETRY),
    ("plaid", "api", 400, plaid("RATE_LIMIT_EXCEEDED", "TRANSACTIONS_LIMIT"), LIMIT),
    ("plaid", "api", 400, plaid("INVALID_INPUT", "INVALID_API_KEYS"), APP),
    ("plaid", "api", 400, plaid("INVALID_REQUEST", "MISSING_FIELDS"), OTHER),
]  # fmt: skip
