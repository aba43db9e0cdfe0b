"""Flask-Mail as its documentation shows it: one kept connection, one message after the other.

`python -m bench.flask_mail_alone <port> <how many>`, the letter as JSON on standard input; prints mails a second.
"""

import json
import sys
from time import perf_counter

from flask import Flask
from flask_mail import Mail, Message


def main(port: int, count: int) -> float:
    letter = json.load(sys.stdin)
    app = Flask("alone")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, MAIL_DEFAULT_SENDER="portal@acme.example")
    mail = Mail(app)
    with app.app_context(), mail.connect() as connection:
        began = perf_counter()
        for number in range(count):
            recipient = f"person.{number}@acme.example"
            message = Message(letter["subject"], [recipient], body=letter["text"], html=letter["html"])
            connection.send(message)
        return count / (perf_counter() - began)


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2])))
