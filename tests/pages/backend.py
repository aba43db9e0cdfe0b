"""A backend that asks the API with its organization's key."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from portal import clock
from portal.services import api_keys
from tests.factories import Person


class Backend:
    """A backend with its organization's key."""

    def __init__(self, app: Flask, key: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, expected: int = 200, **query: Any) -> dict[str, Any]:
        return checked(self.client.get(f"/api/v1{path}", query_string=query, headers=self.headers), expected)

    def post(self, path: str, expected: int = 200, json: Any = None) -> dict[str, Any]:
        return checked(self.client.post(f"/api/v1{path}", json=json, headers=self.headers), expected)

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.client.open(f"/api/v1{path}", method=method, headers=self.headers, **options)


def checked(response: TestResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    kind = "application/json" if status < 400 else "application/problem+json"
    assert response.mimetype == kind
    assert response.headers["Cache-Control"] == "no-store"
    return response.get_json(force=True)


def key_of(app: Flask, admin: Person) -> str:
    with app.app_context():
        return api_keys.create(admin.asker, "Archive", now=clock.now())[1].reveal()
